import { checkSignal, LrpError } from '../core/errors.js'
import { sizeOf } from '../core/tensor.js'
import { BitDepth } from './bit-depth.js'
import { Limit } from '../core/limit.js'
import { readImage, type ReadSettings } from './read-image.js'

/** Number of images decoded at the same time. */
const AT_ONCE = 8
/** Bytes of decoded images that are kept; other images are decoded again when they are needed. */
const KEPT_BYTES = 128 * 2 ** 20

export interface StoreOptions {
  preprocessing: ReadSettings
  /** Maximum number of images; later ones replace those that cannot be read. */
  most: number
  /** Whether an unreadable file is an error; otherwise it is skipped. */
  mustRead: (path: string) => boolean
  signal?: AbortSignal
  /** For tests: bytes of images that are kept. */
  keptBytes?: number
}

/** Image files of one size, decoded some at a time; decoded images are kept up to a limit. */
export class ImageStore {
  /** The images, in the order of the files. */
  readonly paths: string[] = []
  /** Unreadable files, which were skipped. */
  readonly skipped: string[] = []
  private readonly kept: (Uint8Array | undefined)[] = []
  private readonly bits = new BitDepth()
  private readonly limit = new Limit(AT_ONCE)
  /** Images that were decoded ahead, by their place. */
  private readonly ahead = new Map<number, Promise<Uint8Array>>()
  private shape: number[] = []

  private constructor(private readonly options: StoreOptions) {}

  /**
   * Decodes files until `most` images are readable.
   * @throws LrpError as `readImage`; INVALID_ARGUMENT if sizes differ
   */
  static async open(files: readonly string[], options: StoreOptions): Promise<ImageStore> {
    const store = new ImageStore(options)
    for (let from = 0; from < files.length && store.paths.length < options.most;) {
      const wanted = files.slice(from, from + options.most - store.paths.length)
      await store.add(wanted)
      from += wanted.length
    }
    return store
  }

  /** Channels, height, width. */
  get imageShape(): readonly number[] {
    return this.shape
  }

  /** Notes on the images, as sentences. */
  get notes(): string[] {
    return this.bits.notes()
  }

  /**
   * Bytes of images `from` to `to` (exclusive); the next ones are decoded meanwhile.
   * @throws LrpError if a file was changed
   */
  async read(from: number, to: number): Promise<Uint8Array> {
    const size = sizeOf(this.shape)
    const bytes = new Uint8Array((to - from) * size)
    const places = Array.from({ length: to - from }, (_, i) => from + i)
    const read = async (place: number): Promise<void> => bytes.set(await this.take(place), (place - from) * size)
    await Promise.all(places.map(read))
    this.readAhead(to, Math.min(this.paths.length, to + (to - from)))
    return bytes
  }

  private async add(files: readonly string[]): Promise<void> {
    const { keptBytes = KEPT_BYTES } = this.options
    const decoded = await Promise.all(
      files.map((path, i) =>
        this.limit.run(async () => {
          const image = await this.decode(path)
          if (image instanceof Error) return image
          const fits = (this.paths.length + i + 1) * image.bytes.length <= keptBytes
          return { ...image, bytes: fits ? image.bytes : undefined }
        })
      )
    )
    decoded.forEach((image, i) => {
      const path = files[i]!
      if (image instanceof Error) {
        if (this.options.mustRead(path)) throw image
        this.skipped.push(path)
        return
      }
      if (this.paths.length === 0) this.shape = image.shape
      if (image.shape.join() !== this.shape.join())
        throw new LrpError('INVALID_ARGUMENT', `the image ${path} differs in size from the images before it`)
      this.bits.see(image)
      this.paths.push(path)
      this.kept.push(image.bytes)
    })
  }

  private async decode(path: string): Promise<Awaited<ReturnType<typeof readImage>> | LrpError> {
    checkSignal(this.options.signal)
    return readImage(path, this.options.preprocessing).catch((cause: LrpError) => {
      if (cause.code === 'INVALID_ARGUMENT' || cause.code === 'ABORTED') throw cause
      return cause
    })
  }

  private async take(place: number): Promise<Uint8Array> {
    const there = this.kept[place] ?? this.ahead.get(place) ?? this.again(place)
    this.ahead.delete(place)
    return there
  }

  private readAhead(from: number, to: number): void {
    for (let place = from; place < to; place++) {
      if (this.kept[place] || this.ahead.has(place)) continue
      const image = this.again(place)
      image.catch(() => undefined) // it is reported when the image is asked for
      this.ahead.set(place, image)
    }
  }

  private again(place: number): Promise<Uint8Array> {
    return this.limit.run(async () => {
      const image = await this.decode(this.paths[place]!)
      if (!(image instanceof Error) && image.shape.join() === this.shape.join()) return image.bytes
      const why = 'can no longer be read: it was changed after the images were listed'
      throw new LrpError('INVALID_FILE', `${this.paths[place]} ${why}`)
    })
  }
}
