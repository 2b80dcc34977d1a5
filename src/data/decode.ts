import { createHash } from 'node:crypto'
import { totalmem } from 'node:os'
import { checkSignal, LrpError } from '../core/errors.js'
import type { Preprocessing } from '../core/graph.js'
import { readImage, type ReadSettings } from './read-image.js'
import type { Dataset, OriginalSizes, Split } from './dataset.js'
import { sizeOf } from '../core/tensor.js'
import { BitDepth } from './bit-depth.js'
import type { Cache, Decode } from './options.js'
import { Limit } from '../core/limit.js'
import { checkMemory } from './memory.js'

/** Number of images decoded at the same time: enough for sharp's threads, few enough to save memory. */
const AT_ONCE = 8
/** Share of the machine's memory up to which `auto` keeps images. */
const AUTO_SHARE = 0.5

export interface LabelledFile {
  path: string
  label: number
  /** Regression. */
  values?: number[]
}

export interface DecodeOptions {
  /** Height and width of every image in pixels (those of the first image). */
  imageSize?: [number, number]
  channels?: 1 | 3
  /** Preprocessing of images to bytes, instead of imageSize and channels. */
  preprocessing?: Preprocessing
  /** An unreadable image is an error instead of being skipped (false). */
  strict?: boolean
  /** `none` reads every image again whenever it is needed (`auto`). */
  cache?: Cache
  decode?: Decode
  signal?: AbortSignal
}

/** Decodes labelled image files into splits of one image size; `skipped` lists the unreadable files. */
export class Decoder {
  private readonly skipped: string[] = []
  private readonly missing: string[] = []
  private sizes: OriginalSizes | undefined
  private readonly limit = new Limit(AT_ONCE)
  private readonly bits = new BitDepth()
  private readonly digests = new Map<string, string>()

  private constructor(
    private readonly preprocessing: ReadSettings,
    /** Channels, height and width of every image. */
    readonly imageShape: [number, number, number],
    private readonly strict: boolean,
    private readonly keeps: boolean,
    private readonly signal?: AbortSignal
  ) {}

  /** Takes the size of all images from the first readable one. @throws LrpError INVALID_FILE if there is none */
  static async create(files: LabelledFile[], options: DecodeOptions): Promise<Decoder> {
    const { strict = false, signal } = options
    let first: LrpError | undefined
    for (const { path } of files) {
      checkSignal(signal)
      try {
        const { decode } = options
        const { shape } = await readImage(path, { ...(options.preprocessing ?? plain(options)), decode })
        const [channels, height, width] = shape as [number, number, number]
        const preprocessing = options.preprocessing ?? plain({ ...options, imageSize: [height, width] })
        const keeps = keepsInMemory(options.cache, files.length * channels * height * width)
        return new Decoder({ ...preprocessing, decode }, [channels, height, width], strict, keeps, signal)
      } catch (error) {
        if (strict || (error as LrpError).code === 'INVALID_ARGUMENT') throw error
        first ??= error as LrpError
      }
    }
    const which =
      files.length === 1 ? 'the only image cannot be read' : `none of the ${files.length} images can be read`
    throw new LrpError('INVALID_FILE', `${which}: ${first?.message}`)
  }

  /**
   * Reads all images of a split. Images that are not kept are decoded once too: to skip the unreadable ones before
   * anything is drawn or counted, and to recognise the images by their digests.
   * @throws LrpError INVALID_ARGUMENT if the images do not fit into memory or differ in size
   */
  async read(files: LabelledFile[]): Promise<Split> {
    const one = this.imageShape.reduce((product, axis) => product * axis, 1)
    const size = this.keeps ? one : 0
    checkMemory(files.length, size)
    const images = new Uint8Array(files.length * size)
    const broken = new Map<number, LrpError>()
    let next = 0
    const work = async (): Promise<void> => {
      const passing = new Uint8Array(this.keeps ? 0 : one)
      while (next < files.length) {
        const i = next++
        const { path } = files[i]!
        const bytes = this.keeps ? images.subarray(i * size, (i + 1) * size) : passing
        const failure = await this.decode(path, bytes)
        if (failure) broken.set(i, failure)
        else if (!this.keeps) this.digests.set(path, createHash('sha256').update(bytes).digest('hex'))
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    return this.leaveOut(broken, files, images, size)
  }

  /** The fields of a data set of these images besides its splits. */
  rest(): Pick<Dataset, 'imageShape' | 'skipped' | 'missing' | 'notes' | 'originalSizes' | 'read' | 'digests'> {
    const { imageShape, skipped, missing, sizes } = this
    const same = sizes && sizes.smallest.join() === sizes.largest.join()
    const notes = this.bits.notes()
    return {
      imageShape,
      skipped,
      missing,
      ...(notes.length > 0 && { notes }),
      ...(sizes && !same && { originalSizes: sizes }),
      ...this.reader()
    }
  }

  /** How to read the images again if they are not kept. */
  private reader(): Pick<Dataset, 'read' | 'digests'> {
    if (this.keeps) return {}
    const read = (path: string, into: Uint8Array): Promise<void> =>
      this.limit.run(async () => {
        if (!(await this.decode(path, into))) return
        throw new LrpError('INVALID_FILE', `${path} can no longer be read: it was changed after the data was opened`)
      })
    return { read, digests: this.digests }
  }

  /** Decodes an image; returns the reason if it cannot be read. */
  private async decode(path: string, into: Uint8Array): Promise<LrpError | undefined> {
    checkSignal(this.signal)
    const image = await readImage(path, this.preprocessing, into).catch((cause: LrpError) => {
      if (this.strict || cause.code === 'INVALID_ARGUMENT') throw cause
      return cause
    })
    if (image instanceof Error) return image
    const { shape, original } = image
    this.bits.see(image)
    if (shape.some((axis, i) => axis !== this.imageShape[i])) {
      const [found, wanted] = [shape, this.imageShape].map((axes) => axes.join('x'))
      throw new LrpError(
        'INVALID_ARGUMENT',
        `the image ${path} is ${found}, but the first image is ${wanted}: set an image size or a crop`
      )
    }
    const { smallest, largest } = this.sizes ?? { smallest: original, largest: original }
    this.sizes = {
      smallest: bySize(original, smallest) < 0 ? original : smallest,
      largest: bySize(original, largest) > 0 ? original : largest
    }
    return undefined
  }

  /** Moves the readable images together, in place. */
  private leaveOut(broken: Map<number, LrpError>, files: LabelledFile[], images: Uint8Array, size: number): Split {
    const kept = files.map((_, i) => i).filter((i) => !broken.has(i))
    if (broken.size > 0) kept.forEach((from, to) => images.copyWithin(to * size, from * size, (from + 1) * size))
    for (const [i, { code }] of [...broken].sort(([a], [b]) => a - b)) {
      this.skipped.push(files[i]!.path)
      if (code === 'NOT_FOUND') this.missing.push(files[i]!.path)
    }
    return {
      images: images.subarray(0, kept.length * size),
      labels: Int32Array.from(kept, (i) => files[i]!.label),
      ...(files[0]?.values && { values: Float32Array.from(kept.flatMap((i) => files[i]!.values!)) }),
      paths: kept.map((i) => files[i]!.path)
    }
  }
}

/** Compares sizes by area, then by height, so that portrait and landscape images differ. */
function bySize(a: [number, number], b: [number, number]): number {
  return sizeOf(a) - sizeOf(b) || a[0] - b[0]
}

/** Whether images of this number of bytes are kept in a machine's memory. */
export function keepsInMemory(cache: Cache = 'auto', bytes: number, memory = totalmem()): boolean {
  return cache === 'memory' || (cache === 'auto' && bytes <= memory * AUTO_SHARE)
}

function plain({ channels = 3, imageSize }: DecodeOptions): Preprocessing {
  const [mean, std] = [Array<number>(channels).fill(0), Array<number>(channels).fill(1)]
  return { channels, resize: imageSize, channelOrder: 'rgb', scale: 1, mean, std }
}
