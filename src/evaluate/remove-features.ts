import { join } from 'node:path'
import { z } from 'zod'
import { asked, type Asked } from '../core/command-line.js'
import type { Dataset } from '../data/dataset.js'
import { DATA_NAMES, type DataOptions } from '../data/open.js'
import { LrpError } from '../core/errors.js'
import { EXPLAIN_NAMES, explainWith, type ExplainOptions } from '../explain/explain.js'
import { IMAGE_SETTINGS, RULE_SETTINGS } from '../explain/settings.js'
import { readInputs } from '../explain/inputs.js'
import { makeFolder, writeAtomic } from '../core/files.js'
import type { Model } from '../model/model.js'
import { denormalise } from '../model/preprocessing.js'
import { checkNames, checkOptions } from '../core/options.js'
import { lineChart, scatterChart, writeChart } from '../plot/chart.js'
import { figure } from '../plot/figure.js'
import { animation, heatmap, imagePicture, pictureToPng, sumOverChannels, type Picture } from '../plot/picture.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import { softmax } from '../core/logits.js'
import { byRelevance, FILLS, removePixels, type Fill } from './removal.js'
import { toCsv } from '../scores/test-model.js'

export interface RemoveFeaturesOptions extends ExplainOptions, Omit<DataOptions, 'data' | 'seed'> {
  data?: string | Dataset
  input?: string[]
  /** Images of the split whose confidences make the curve; all by default. */
  limit?: number
  /** Images that get a folder of pictures and texts (10). */
  pictures?: number
  /** Shares of pixels to remove: 0.1, 0.2, ..., 0.5 by default. */
  fraction?: number[]
  /** What replaces a pixel: black (`zero`, the default), the image's mean, noise. */
  fill?: Fill
  output: string
}

const NAMES: Record<keyof RemoveFeaturesOptions, true> = {
  ...EXPLAIN_NAMES,
  ...DATA_NAMES,
  input: true,
  limit: true,
  pictures: true,
  fraction: true,
  fill: true,
  output: true
}

export interface RemovalPoint {
  fraction: number
  /** Mean confidence of the predicted class after removing the most relevant share of pixels. */
  important: number
  /** The same after removing the least relevant share. */
  unimportant: number
}

export interface RemovalResult {
  method: string
  settings: Asked
  fill: Fill
  images: number
  /** From fraction 0 on. */
  curve: RemovalPoint[]
  /** Confidence of each image's predicted class after removing the largest share. */
  perImage: { important: number[]; unimportant: number[] }
  files: string[]
}

const schema = z.object({
  pictures: z.int().min(0).optional(),
  fraction: z.array(z.number().gt(0).lt(1)).min(1).optional(),
  fill: z.enum(FILLS).optional(),
  limit: z.int().positive().optional()
})

/**
 * Removes the most and the least relevant pixels and looks how far the confidence of the predicted class falls. Writes
 * pictures with texts of the class confidences, `curve.csv`, `curve.svg`, `curve.png` and `removal.json`.
 */
export async function removeFeatures(model: Model, options: RemoveFeaturesOptions): Promise<RemovalResult> {
  checkNames(options, NAMES)
  const { pictures = 10, fraction = [0.1, 0.2, 0.3, 0.4, 0.5], fill = 'zero' } = checkOptions(schema, options)
  if (model.task === 'regression')
    throw new LrpError(
      'INVALID_ARGUMENT',
      'feature removal looks at the confidence of a class; evaluate scores a regression'
    )
  const { input, names } = await readInputs(model, { ...options, limit: options.limit ?? 1e9 })
  const explanation = await explainWith(model, input, { ...options, target: 'argmax', onProgress: undefined })
  const images = names.length
  const imageShape = input.shape.slice(1)
  const size = sizeOf(imageShape)
  const range = model.inputRange ?? { low: [0, 0, 0], high: [1, 1, 1] }
  const orders = names.map((_, i) =>
    byRelevance(sumOverChannels(explanation.relevance.data.subarray(i * size, (i + 1) * size), imageShape))
  )
  const removed = (share: number, important: boolean): Tensor => {
    const data = new Float32Array(input.data.length)
    for (let i = 0; i < images; i++) {
      const count = Math.round(share * orders[i]!.length)
      const chosen = important ? orders[i]!.subarray(0, count) : orders[i]!.subarray(orders[i]!.length - count)
      const image = input.data.subarray(i * size, (i + 1) * size)
      data.set(removePixels(image, imageShape[0]!, chosen, fill, range, (options.seed ?? 0) * 1000003 + i), i * size)
    }
    return { data, shape: input.shape }
  }
  const probabilities = async (batch: Tensor): Promise<Float64Array> =>
    softmax(await model.forward(batch, { batchSize: 256, signal: options.signal }))
  const writer = new RemovalWriter(model, options.output, names.slice(0, pictures), input)
  const before = softmax(explanation.logits)
  const confidences = (p: Float64Array): number[] =>
    Array.from(explanation.targets, (target, i) => p[i * explanation.logits.shape[1]! + target]!)
  const confidence = (p: Float64Array): number => confidences(p).reduce((sum, one) => sum + one, 0) / images
  const curve: RemovalPoint[] = [{ fraction: 0, important: confidence(before), unimportant: confidence(before) }]
  await writer.original(before, explanation.relevance)
  let perImage = { important: confidences(before), unimportant: confidences(before) }
  for (const [done, share] of fraction.entries()) {
    const [important, unimportant] = [removed(share, true), removed(share, false)]
    const [p, q] = [await probabilities(important), await probabilities(unimportant)]
    perImage = { important: confidences(p), unimportant: confidences(q) }
    curve.push({ fraction: share, important: confidence(p), unimportant: confidence(q) })
    writer.frame(important)
    await writer.copy(`important_removed_${share.toFixed(2)}`, important, p)
    await writer.copy(`unimportant_removed_${share.toFixed(2)}`, unimportant, q)
    options.onProgress?.(done + 1, fraction.length)
  }
  await writer.sheets(
    explanation.relevance,
    removed(fraction.at(-1)!, true),
    removed(fraction.at(-1)!, false),
    fraction.at(-1)!
  )
  const settings = asked(options, [...RULE_SETTINGS, ...IMAGE_SETTINGS, 'fraction', 'fill', 'pictures'])
  const result = { method: explanation.name, settings, fill, images, curve, perImage }
  await writer.summary(result)
  return { ...result, files: writer.files }
}

const percentOf = (share: number): string => `${(share * 100).toFixed(0)} %`

class RemovalWriter {
  readonly files: string[] = []
  private readonly frames: Picture[][]

  constructor(
    private readonly model: Model,
    private readonly folder: string,
    private readonly names: string[],
    private readonly input: Tensor
  ) {
    this.frames = names.map(() => [])
  }

  async original(probabilities: Float64Array, relevance: Tensor): Promise<void> {
    const shape = this.input.shape.slice(1)
    const size = sizeOf(shape)
    for (const [i, name] of this.names.entries()) {
      await makeFolder(join(this.folder, name))
      const map = heatmap(relevance.data.subarray(i * size, (i + 1) * size), shape)
      await this.write(join(name, 'lrp.png'), await pictureToPng(map, 256))
      await this.write(join(name, 'lrp.txt'), this.confidences(probabilities, i))
    }
    await this.copy('original', this.input, probabilities)
  }

  /** A changed copy of each image with its text of confidences. */
  async copy(kind: string, images: Tensor, probabilities: Float64Array): Promise<void> {
    for (const [i, name] of this.names.entries()) {
      await this.write(join(name, `${kind}.png`), await pictureToPng(this.picture(images, i), 256))
      await this.write(join(name, `${kind}.txt`), this.confidences(probabilities, i))
    }
  }

  /** One more step of what `sheets` shows moving. */
  frame(images: Tensor): void {
    for (const i of this.names.keys()) this.frames[i]!.push(this.picture(images, i))
  }

  /** All four side by side, and the removal of the most relevant pixels as a moving picture. */
  async sheets(relevance: Tensor, important: Tensor, unimportant: Tensor, share: number): Promise<void> {
    const shape = this.input.shape.slice(1)
    const size = sizeOf(shape)
    const percent = percentOf(share)
    for (const [i, name] of this.names.entries()) {
      const panels = [
        { title: 'original', picture: this.picture(this.input, i) },
        { title: 'relevance', picture: heatmap(relevance.data.subarray(i * size, (i + 1) * size), shape) },
        { title: `without the most relevant ${percent}`, picture: this.picture(important, i) },
        { title: `without the least relevant ${percent}`, picture: this.picture(unimportant, i) }
      ]
      await this.write(`${name}.png`, await figure(panels))
      await this.write(join(name, 'removal.webp'), await animation([this.picture(this.input, i), ...this.frames[i]!]))
    }
  }

  async summary(result: Omit<RemovalResult, 'files'>): Promise<void> {
    await makeFolder(this.folder)
    const rows = result.curve.map((point) => [point.fraction, point.important, point.unimportant])
    await this.write('curve.csv', toCsv([['fraction', 'important_removed', 'unimportant_removed'], ...rows]))
    await this.write('removal.json', JSON.stringify(result, null, 2) + '\n')
    const line = (name: string, key: 'important' | 'unimportant'): { name: string; points: [number, number][] } => ({
      name,
      points: result.curve.map((point) => [point.fraction, point[key]])
    })
    const lines = [line('most relevant removed', 'important'), line('least relevant removed', 'unimportant')]
    const title = `Confidence of the predicted class, ${result.method}`
    await writeChart(
      join(this.folder, 'curve'),
      await lineChart(title, 'share of pixels removed', 'mean confidence', lines, { min: 0, max: 1 })
    )
    const { important, unimportant } = result.perImage
    const points = important.map((value, i) => [value, unimportant[i]!] as [number, number])
    const scatter = await scatterChart(
      `Confidence of each image without ${percentOf(result.curve.at(-1)!.fraction)} of its pixels, ${result.method}`,
      'most relevant removed',
      'least relevant removed',
      [{ name: 'images', points }],
      { min: 0, max: 1 }
    )
    await writeChart(join(this.folder, 'scatter'), scatter)
    for (const name of ['curve', 'scatter']) {
      this.files.push(join(this.folder, `${name}.svg`), join(this.folder, `${name}.png`))
    }
  }

  private picture(images: Tensor, i: number): ReturnType<typeof imagePicture> {
    const shape = images.shape.slice(1)
    const size = sizeOf(shape)
    const one = { data: images.data.subarray(i * size, (i + 1) * size), shape: [1, ...shape] }
    return imagePicture(
      this.model.preprocessing ? denormalise(one, this.model.preprocessing) : one.data.map((v) => v * 255),
      shape
    )
  }

  private confidences(probabilities: Float64Array, i: number): string {
    const classes = probabilities.length / this.input.shape[0]!
    const lines = Array.from(
      { length: classes },
      (_, c) => `${this.model.className(c)} ${probabilities[i * classes + c]!.toFixed(6)}`
    )
    return lines.join('\n') + '\n'
  }

  private async write(name: string, data: string | Uint8Array): Promise<void> {
    await writeAtomic(join(this.folder, name), data)
    this.files.push(join(this.folder, name))
  }
}
