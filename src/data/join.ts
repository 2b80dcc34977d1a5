import type { Dataset, Split } from './dataset.js'
import { take } from './split.js'

/**
 * A data set whose test split contains the training, validation and test images, in this order; the other splits are
 * empty.
 */
export function joined(dataset: Dataset): Dataset {
  const { train, valid, test } = dataset.splits
  const all = [train, valid, test].filter(({ labels }) => labels.length > 0)
  const values = all.flatMap((one) => one.values ?? [])
  const paths = all.map((one) => one.paths)
  const split: Split = {
    images: Buffer.concat(all.map(({ images }) => images)),
    labels: Int32Array.from(all.flatMap(({ labels }) => Array.from(labels))),
    ...(values.length > 0 && { values: Float32Array.from(values.flatMap((one) => Array.from(one))) }),
    ...(paths.every((one) => one !== undefined) && { paths: paths.flatMap((one) => one ?? []) })
  }
  return { ...dataset, splits: { train: take(train, []), valid: take(valid, []), test: split } }
}
