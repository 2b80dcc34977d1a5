import { probabilities } from '../core/logits.js'
import { LrpError } from '../core/errors.js'
import { optionError } from '../core/options.js'
import { counted } from '../core/plural.js'
import type { Tensor } from '../core/tensor.js'
import type { Split } from '../data/dataset.js'
import type { Model } from '../model/model.js'
import { bestThreshold } from './multilabel.js'
import type { TestOptions } from './options.js'
import { outputsOn } from './split-outputs.js'

/**
 * The probability above which each label is assigned: 0.5, one number for all, one for each, or with `best` those
 * with the highest F1 on the validation split.
 * @throws LrpError INVALID_ARGUMENT for another number of them, or without a validation split
 */
export async function thresholdsFor(model: Model, labels: number, options: TestOptions): Promise<number[]> {
  const { thresholds = [0.5] } = options
  if (thresholds === 'best') return bestOn(model, options)
  if (thresholds.length !== 1 && thresholds.length !== labels)
    throw optionError(
      'thresholds',
      ` must be one number, or one for each of the ${counted(labels, 'label')}, not ${counted(thresholds.length, 'number')}`
    )
  return Array.from({ length: labels }, (_, i) => thresholds[i] ?? thresholds[0]!)
}

async function bestOn(model: Model, options: TestOptions): Promise<number[]> {
  const { dataset, outputs } = await outputsOn(model, {
    ...options,
    split: 'valid',
    limit: undefined,
    onProgress: undefined
  })
  const truth = truthOf(dataset.splits.valid)
  const scores = probabilities(outputs, true)
  const labels = outputs.shape[1]!
  return Array.from({ length: labels }, (_, label) => {
    const column = (from: ArrayLike<number>): number[] =>
      Array.from({ length: outputs.shape[0]! }, (_, i) => from[i * labels + label]!)
    return bestThreshold(column(scores), column(truth))
  })
}

/** 0 or 1 for each image and label; for two classes, whether the image has the second. */
export function truthOf({ values, labels }: Split): ArrayLike<number> {
  return values ?? labels
}

/** @throws LrpError INVALID_ARGUMENT if classes share a softmax, which has no thresholds */
export function refuseThresholds({ thresholds }: TestOptions, logits: Tensor): void {
  if (thresholds === undefined || logits.shape[1] === 1) return
  throw new LrpError('INVALID_ARGUMENT', "option 'thresholds' works only with independent labels or a single logit")
}
