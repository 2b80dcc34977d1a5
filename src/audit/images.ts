import { loadImages, type Dataset, type SplitName } from '../data/dataset.js'
import type { Model } from '../model/model.js'
import { normaliseBytes } from '../model/preprocessing.js'
import { decisions } from '../core/logits.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import type { Replacement } from '../native/addon.js'
import type { Bytes, ImageShape } from './pattern.js'

/** Patterns are sought in images of at most this many pixels a side. */
const WORK_SIDE = 64
const BATCH = 256

/** The images of a split, read when they are needed, and what the model calls them. */
export class Images {
  readonly shape: ImageShape
  /** Pixels of a side that become one where patterns are sought. */
  readonly factor: number
  readonly workShape: ImageShape

  constructor(
    private readonly model: Model,
    private readonly dataset: Dataset,
    private readonly split: SplitName,
    private readonly signal?: AbortSignal
  ) {
    this.shape = dataset.imageShape
    const [channels, height, width] = this.shape
    this.factor = Math.max(1, Math.ceil(Math.max(height, width) / WORK_SIDE))
    this.workShape = [channels, Math.floor(height / this.factor), Math.floor(width / this.factor)]
  }

  async read(indices: readonly number[]): Promise<Bytes[]> {
    return Promise.all(indices.map(async (i) => (await loadImages(this.dataset, this.split, i, i + 1)).bytes))
  }

  /** Smaller ones, in which patterns are sought: means over blocks of pixels. */
  async readSmall(indices: readonly number[]): Promise<Bytes[]> {
    const result: Bytes[] = []
    for (let from = 0; from < indices.length; from += BATCH)
      result.push(...(await this.read(indices.slice(from, from + BATCH))).map((bytes) => this.small(bytes)))
    return result
  }

  small(bytes: Bytes): Bytes {
    const { factor } = this
    if (factor === 1) return bytes
    const [channels, height, width] = this.shape
    const [, rows, columns] = this.workShape
    const result = new Uint8Array(channels * rows * columns)
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < rows; y++)
        for (let x = 0; x < columns; x++) {
          let sum = 0
          for (let dy = 0; dy < factor; dy++)
            for (let dx = 0; dx < factor; dx++) sum += bytes[(c * height + y * factor + dy) * width + x * factor + dx]!
          result[(c * rows + y) * columns + x] = Math.round(sum / factor ** 2)
        }
    return result
  }

  /** The class the model gives each image; with some channels' activation replaced. */
  async predict(images: readonly Bytes[], replace?: Replacement[]): Promise<Int32Array> {
    if (images.length === 0) return new Int32Array(0)
    const data = await this.logits(images, replace)
    return decisions({ data, shape: [images.length, data.length / images.length] })
  }

  /** [images, classes] */
  async logits(images: readonly Bytes[], replace?: Replacement[]): Promise<Float32Array> {
    const { model, signal } = this
    return (await model.forward(this.inputOf(images), { batchSize: BATCH, replace, signal })).data
  }

  /** Output of one layer, [images, ...]. */
  async activation(images: readonly Bytes[], layer: string): Promise<Tensor> {
    return (await this.model.activations(this.inputOf(images), [layer], this.signal))[layer]!
  }

  private inputOf(images: readonly Bytes[]): Tensor {
    const size = sizeOf(this.shape)
    const bytes = new Uint8Array(images.length * size)
    images.forEach((one, i) => bytes.set(one, i * size))
    return normaliseBytes(bytes, [images.length, ...this.shape], this.model.preprocessing!)
  }
}
