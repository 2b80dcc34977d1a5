import { recordedSettings, type RecordedSettings } from '../core/command-line.js'
import { LrpError } from '../core/errors.js'
import { sliceBatch } from '../explain/batches.js'
import { depictionOf } from '../explain/depict.js'
import { inputOptions, type InputOptions } from '../explain/file-options.js'
import { readInputs } from '../explain/inputs.js'
import type { Model } from '../model/model.js'
import { readImage } from '../data/read-image.js'
import { neededPreprocessing, normaliseBytes } from '../model/preprocessing.js'
import type { Preprocessing } from '../core/graph.js'
import { pictureToPng } from '../plot/picture.js'
import type { Tensor } from '../core/tensor.js'
import type { ImageFacts } from './protocol.js'

const MOST_ADDED = 64
const LEAST_SIZE = 96

interface GalleryImage extends ImageFacts {
  /** The options that name it on the command line. */
  asked: RecordedSettings
  /** [1, channels, height, width] as the network wants it. */
  input: Tensor
}

/** Whether further inputs have a row for each image. */
export function takesRows({ parts: { rows = {} } }: Model): boolean {
  return Object.values(rows).some(({ shape }) => shape[0] !== 1)
}

/** The images that can be explained: those the server was begun with, and those the page adds. */
export class Gallery {
  private added = 0
  private constructor(
    private readonly model: Model,
    private readonly images: GalleryImage[],
    private readonly decode: InputOptions['decode']
  ) {}

  /** @throws LrpError UNSUPPORTED for a network whose inputs cannot be shown, and as `explainToFiles` for what cannot be read */
  static async open(model: Model, options: InputOptions): Promise<Gallery> {
    if (model.inputKind === 'array') {
      const axes = model.imageShape.join('x')
      throw new LrpError('UNSUPPORTED', `${model.name} takes inputs of ${axes}, which cannot be shown as pictures`)
    }
    const { input, names, labels, paths, places } = await readInputs(model, options)
    const { limit: _, images: __, ...source } = recordedSettings(inputOptions, options)
    const { imageSize, decode } = options
    const how = recordedSettings(inputOptions, { imageSize, decode })
    const isNamed = paths && !takesRows(model) // rows of further inputs go with all the images that were named
    const images = names.map((name, i): GalleryImage => ({
      name,
      asked: isNamed ? { ...how, input: paths[i]! } : { ...source, ...(places && { images: places[i]! }) },
      ...(labels && { label: model.className(labels[i]!) }),
      input: sliceBatch(input, i, i + 1)
    }))
    return new Gallery(model, images, decode)
  }

  list(): ImageFacts[] {
    return this.images.map(({ name, label }) => ({ name, label }))
  }

  /** @throws LrpError NOT_FOUND */
  at(index: number): GalleryImage {
    const image = this.images[index]
    if (!image) throw new LrpError('NOT_FOUND', `there is no image ${index}`)
    return image
  }

  /** @throws LrpError NOT_FOUND */
  named(name: string): GalleryImage {
    const found = this.images.find((image) => image.name === name)
    if (!found) throw new LrpError('NOT_FOUND', `there is no image '${name.slice(0, 100)}' on the page`)
    return found
  }

  /** Takes up an image file's bytes; returns its number. @throws LrpError INVALID_FILE, INVALID_ARGUMENT */
  async add(file: Buffer, name: string): Promise<number> {
    if (takesRows(this.model))
      throw new LrpError(
        'INVALID_ARGUMENT',
        'images cannot be added, because the model needs additional values for each image'
      )
    const preprocessing = neededPreprocessing(this.model)
    if (this.added >= MOST_ADDED)
      throw new LrpError('INVALID_ARGUMENT', `no more images can be added: the limit is ${MOST_ADDED}`)
    this.added++ // before it is read: uploads come at once
    try {
      return this.images.push({ name, asked: { input: name }, input: await this.read(file, preprocessing) }) - 1
    } catch (error) {
      this.added--
      throw error
    }
  }

  private async read(file: Buffer, preprocessing: Preprocessing): Promise<Tensor> {
    const { bytes, shape } = await readImage(file, { ...preprocessing, decode: this.decode })
    if (shape.join() !== this.model.imageShape.join()) {
      const [found, wanted] = [shape, this.model.imageShape].map((axes) => axes.join('x'))
      throw new LrpError('INVALID_ARGUMENT', `the preprocessed image is ${found}, but the model needs ${wanted}`)
    }
    return normaliseBytes(bytes, [1, ...shape], preprocessing)
  }

  /** The image as the network sees it, as PNG. */
  async picture(index: number): Promise<Buffer> {
    const picture = await depictionOf(this.model, this.at(index).input)!.original(0)
    return pictureToPng(picture, LEAST_SIZE)
  }
}
