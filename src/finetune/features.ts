import { loadImages, type Dataset, type SplitName } from '../data/dataset.js'
import type { Model } from '../model/model.js'
import { normaliseBytes } from '../model/preprocessing.js'
import type { NativeSamples } from '../train/native.js'
import { labelsOf } from '../train/run.js'

const BATCH = 64

/** Output of one layer for every image of a split, computed once: what training of the last layer alone needs. */
export async function featuresOf(
  model: Model,
  dataset: Dataset,
  split: SplitName,
  layer: string,
  signal?: AbortSignal,
  onProgress?: (done: number, total: number) => void
): Promise<(NativeSamples & Required<Pick<NativeSamples, 'images'>>) | undefined> {
  const { labels } = dataset.splits[split]
  if (labels.length === 0) return undefined
  let data: Float32Array | undefined
  let shape: number[] = []
  for (let from = 0; from < labels.length; from += BATCH) {
    const { bytes, shape: images } = await loadImages(dataset, split, from, Math.min(from + BATCH, labels.length))
    const found = (await model.activations(normaliseBytes(bytes, images, model.preprocessing!), [layer], signal))[
      layer
    ]!
    shape = found.shape.slice(1)
    const size = found.data.length / found.shape[0]!
    data ??= new Float32Array(labels.length * size)
    data.set(found.data, from * size)
    onProgress?.(Math.min(from + BATCH, labels.length), labels.length)
  }
  return { images: { data: data!, shape: [labels.length, ...shape] }, labels: labelsOf(dataset.splits[split], dataset) }
}
