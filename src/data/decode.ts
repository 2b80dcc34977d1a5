import { totalmem } from 'node:os'
import { LrpError } from '../errors.js'
import type { Preprocessing } from '../model/graph.js'
import { readImage } from '../model/preprocessing.js'
import type { Split } from './dataset.js'

/** Images decoded at the same time: what sharp's threads can use, without holding many decoded images at once. */
const AT_ONCE = 8
const MEMORY_SHARE = 0.8

export interface LabelledFile {
  path: string
  label: number
}

export interface DecodeOptions {
  /** [height, width] of every image; by default that of the first. */
  imageSize?: [number, number]
  channels?: 1 | 3
  /** How images become bytes; instead of imageSize and channels. */
  preprocessing?: Preprocessing
  /** A broken image is an error instead of being left out. */
  strict?: boolean
}

/** Decodes labelled image files into splits of one image size; broken ones are named in `skipped`. */
export class Decoder {
  readonly skipped: string[] = []

  private constructor(
    private readonly preprocessing: Preprocessing,
    /** Channels, height, width of every image. */
    readonly imageShape: [number, number, number],
    private readonly strict: boolean
  ) {}

  /** Finds the size of all images from the first readable one. @throws LrpError INVALID_FILE when there is none */
  static async create(files: LabelledFile[], options: DecodeOptions): Promise<Decoder> {
    const { strict = false } = options
    for (const { path } of files) {
      try {
        const { shape } = await readImage(path, options.preprocessing ?? plain(options))
        const [channels, height, width] = shape as [number, number, number]
        const preprocessing = options.preprocessing ?? plain({ ...options, imageSize: [height, width] })
        return new Decoder(preprocessing, [channels, height, width], strict)
      } catch (error) {
        if (strict || (error as LrpError).code === 'INVALID_ARGUMENT') throw error
      }
    }
    throw new LrpError('INVALID_FILE', `none of the ${files.length} images can be read, the first is ${files[0]?.path}`)
  }

  /** @throws LrpError INVALID_ARGUMENT when the images do not fit into memory or differ in size */
  async read(files: LabelledFile[]): Promise<Split> {
    const size = this.imageShape.reduce((product, axis) => product * axis, 1)
    checkMemory(files.length, size)
    const images = new Uint8Array(files.length * size)
    const broken = new Set<number>()
    let next = 0
    const work = async (): Promise<void> => {
      while (next < files.length) {
        const i = next++
        const bytes = await this.decode(files[i]!.path)
        if (bytes) images.set(bytes, i * size)
        else broken.add(i)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    return this.leaveOut(broken, files, images, size)
  }

  private async decode(path: string): Promise<Uint8Array | undefined> {
    const { bytes, shape } = await readImage(path, this.preprocessing).catch((cause: LrpError) => {
      if (this.strict || cause.code === 'INVALID_ARGUMENT') throw cause
      return { bytes: undefined, shape: [] }
    })
    if (bytes && shape.some((axis, i) => axis !== this.imageShape[i])) {
      const [found, wanted] = [shape, this.imageShape].map((axes) => axes.join('x'))
      throw new LrpError(
        'INVALID_ARGUMENT',
        `${path} is ${found} where the first image is ${wanted}: give an image size or a crop`
      )
    }
    return bytes
  }

  /** Moves the readable images together, in place. */
  private leaveOut(broken: Set<number>, files: LabelledFile[], images: Uint8Array, size: number): Split {
    const kept = files.map((_, i) => i).filter((i) => !broken.has(i))
    if (broken.size > 0) kept.forEach((from, to) => images.copyWithin(to * size, from * size, (from + 1) * size))
    this.skipped.push(...[...broken].sort((a, b) => a - b).map((i) => files[i]!.path))
    return {
      images: images.subarray(0, kept.length * size),
      labels: Int32Array.from(kept, (i) => files[i]!.label),
      paths: kept.map((i) => files[i]!.path)
    }
  }
}

function checkMemory(images: number, size: number): void {
  const [needed, there] = [images * size, totalmem() * MEMORY_SHARE].map((bytes) => bytes / 2 ** 30)
  if (needed! <= there!) return
  const sizes = `${needed!.toFixed(1)} GiB of memory, this machine can give ${there!.toFixed(1)}`
  throw new LrpError('INVALID_ARGUMENT', `${images} images need ${sizes}: give a smaller --image-size`)
}

function plain({ channels = 3, imageSize }: DecodeOptions): Preprocessing {
  const [mean, std] = [Array<number>(channels).fill(0), Array<number>(channels).fill(1)]
  return { channels, resize: imageSize, channelOrder: 'rgb', scale: 1, mean, std }
}
