import type { Dataset, SplitName } from '../data/dataset.js'
import { readImages } from '../data/for-model.js'
import type { Model } from '../model/model.js'
import type { NativeSamples } from '../native/train-types.js'
import { labelsOf } from './run.js'
import type { TrainSettings } from './settings.js'

const MOST = 64

/**
 * Output of one layer for every image of a split, computed once: what training of the last layer alone needs.
 * @param settings `batchSize` is the number of images per pass, where that is less than `MOST`: what training fits in the memory, features do too
 */
export async function featuresOf(
  model: Model,
  dataset: Dataset,
  split: SplitName,
  layer: string,
  { batchSize, task }: Pick<TrainSettings, 'batchSize' | 'task'>,
  signal?: AbortSignal,
  onProgress?: (done: number, total: number) => void
): Promise<(NativeSamples & Required<Pick<NativeSamples, 'images'>>) | undefined> {
  const { labels } = dataset.splits[split]
  if (labels.length === 0) return undefined
  let data: Float32Array | undefined
  let shape: number[] = []
  const step = Math.min(MOST, batchSize)
  for (let from = 0; from < labels.length; from += step) {
    const to = Math.min(from + step, labels.length)
    const input = await readImages(model, dataset, split, from, to)
    const found = (await model.outputsOf(input, [layer], signal))[layer]!
    shape = found.shape.slice(1)
    const size = found.data.length / found.shape[0]!
    data ??= new Float32Array(labels.length * size)
    data.set(found.data, from * size)
    onProgress?.(to, labels.length)
  }
  const targets = labelsOf(dataset.splits[split], dataset, task)
  return { images: { data: data!, shape: [labels.length, ...shape] }, labels: targets }
}
