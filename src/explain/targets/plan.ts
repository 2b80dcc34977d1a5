import type { z } from 'zod'
import { LrpError } from '../../core/errors.js'
import { optionError } from '../../core/options.js'
import type { Tensor } from '../../core/tensor.js'
import type { Model } from '../../model/model.js'
import type { TargetSettings } from '../../native/addon.js'
import { sliceBatch } from '../batches.js'
import type { Start } from '../options.js'
import { classNumber, classRows, rowsOf } from './classes.js'
import type { Flat, targetOptions } from './options.js'
import { referenceOf } from './reference.js'
import { regionOf } from './region.js'

type Given = Flat<z.output<typeof targetOptions>> & { start?: Start }

/** The target that C++ gets for images `from` to `to` (exclusive). */
export type TargetPlan = (from: number, to: number) => TargetSettings

/**
 * The target of an explanation of these images.
 * @throws LrpError INVALID_ARGUMENT for classes that do not exist and for options that cannot be combined; as
 * `readImage`
 */
export async function planTarget(model: Model, given: Given, input: Tensor): Promise<TargetPlan> {
  checkTogether(given)
  checkStart(model, given)
  const { outputRelevance, reference, box } = given
  const independent = model.multilabel
  const imageShape = input.shape.slice(1)
  const isBinary = !model.givesValues && box === undefined
  if (outputRelevance)
    return (from, to) => ({ independent, binary: false, seed: partOf(outputRelevance, input, from, to) })
  if (reference !== undefined) {
    const embedding = await referenceOf(model, reference, imageShape)
    return () => ({ independent, binary: false, reference: embedding })
  }
  const classes = classRows(model, given, input)
  const against = againstOf(model, given)
  const region = await regionOf(model, given.region, imageShape)
  return (from, to) => ({
    independent,
    binary: isBinary,
    named: model.classes?.length,
    ...(classes && { classes: rowsOf(classes, from, to) }),
    ...(against !== undefined && { against: rowsOf([against], from, to) }),
    ...(region && { region: { ...region, ...(region.mask && { mask: partOf(region.mask, input, from, to) }) } }),
    ...(box !== undefined && { boxes: rowsOf([box === 'best' ? -1 : box], from, to) })
  })
}

/** A tensor for all images, or with one row for each. */
function partOf(tensor: Tensor, input: Tensor, from: number, to: number): Tensor {
  return tensor.shape[0] === input.shape[0] ? sliceBatch(tensor, from, to) : tensor
}

/** The runner-up is -1. */
function againstOf(model: Model, { against }: Given): number | undefined {
  if (against === undefined) return undefined
  return against === 'runner-up' ? -1 : classNumber(model, against, 'against')
}

/** A seed and a reference are targets of their own; a box and a region belong to different outputs. */
function checkTogether(given: Given): void {
  const { target, targets, against, region, box, reference, outputRelevance: seed } = given
  const all = { target: target === 'argmax' ? undefined : target, targets, against, region, box, reference, seed }
  for (const alone of ['seed', 'reference'] as const) {
    const other = Object.entries(all).find(([name, value]) => name !== alone && value !== undefined)?.[0]
    if (all[alone] !== undefined && other) throw optionError(other, ` cannot be combined with '${alone}'`)
  }
  if (region !== undefined && box !== undefined)
    throw optionError('region', ` cannot be combined with 'box': a detection head has boxes, not regions`)
}

const OF_PROBABILITIES: readonly string[] = ['probability', 'softmax-gradient']

function checkStart(model: Model, { start = 'logit', against, outputRelevance: seed, reference, box }: Given): void {
  const isContrast = against !== undefined && !model.isInner
  if (model.givesValues && (OF_PROBABILITIES.includes(start) || isContrast))
    throw new LrpError(
      'INVALID_ARGUMENT',
      `a ${model.isInner ? 'layer' : 'regression'} has no ${isContrast ? 'classes to compare' : start}: use the start logit (its value) or one`
    )
  if (start === 'softmax-gradient' && model.multilabel)
    throw optionError(
      'start',
      ' cannot be softmax-gradient for independent classes, which share no softmax: use probability'
    )
  const own = seed ? 'seed' : reference === undefined ? undefined : 'reference'
  if (own && start !== 'logit' && start !== 'activation')
    throw optionError(
      'start',
      ` cannot be ${start} together with '${own}', which already defines the initial relevance`
    )
  if (box !== undefined && OF_PROBABILITIES.includes(start))
    throw optionError('start', ` cannot be ${start} for a box, which has scores instead of logits`)
}
