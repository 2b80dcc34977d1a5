import type { Dataset, Split, SplitName } from './dataset.js'
import { imageNames } from './image-names.js'
import { take } from './split.js'

/**
 * A data set whose test split contains the training, validation and test images, in this order; the other splits are
 * empty.
 */
export function joined(dataset: Dataset): Dataset {
  const { train, valid } = dataset.splits
  const parts = (['train', 'valid', 'test'] as const).filter((name) => dataset.splits[name].labels.length > 0)
  const all = parts.map((name) => dataset.splits[name])
  const values = all.flatMap((one) => one.values ?? [])
  const isFiles = all.every(({ paths }) => paths !== undefined)
  const names = parts.flatMap((name: SplitName) => imageNames(dataset.splits[name], name))
  const split: Split = {
    images: Buffer.concat(all.map(({ images }) => images)),
    labels: Int32Array.from(all.flatMap(({ labels }) => Array.from(labels))),
    ...(values.length > 0 && { values: Float32Array.from(values.flatMap((one) => Array.from(one))) }),
    ...(isFiles ? { paths: names } : { names })
  }
  return { ...dataset, splits: { train: take(train, []), valid: take(valid, []), test: split } }
}
