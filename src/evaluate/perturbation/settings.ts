import { z } from 'zod'
import { checkOptions, optionError } from '../../core/options.js'
import type { Model } from '../../model/model.js'
import type { Perturbation } from './curves.js'
import { FILLS } from './fills.js'
import type { Order } from './order.js'
import { stepsTo } from './steps.js'

/** How `evaluate` perturbs images. */
export const perturbationSchema = z.strictObject({
  /** Side of the square that is replaced at once; 1: pixels. */
  patchSize: z.int().positive().default(1),
  fill: z.enum(FILLS).default('mean'),
  /** What `constant` puts in. */
  value: z.number().default(0),
  /** What curves are drawn of: the target's probability, or its logit (of a regression its value). */
  measure: z.enum(['probability', 'logit']).default('probability'),
  /** Steps from the whole image to the last share. */
  steps: z.int().min(2).default(20),
  /** Every step replaces at least as much as the one before, instead of as much. */
  growing: z.boolean().default(false),
  /** Share of the image that the last step reaches. */
  share: z.number().gt(0).max(1).default(1)
})
export type PerturbationSettings = z.output<typeof perturbationSchema>
export type GivenPerturbation = z.input<typeof perturbationSchema>

/** Settings for a model: a regression has no probabilities. @throws LrpError INVALID_ARGUMENT */
export function settingsFor(model: Model, given: GivenPerturbation = {}): PerturbationSettings {
  const settings = checkOptions(perturbationSchema, given)
  if (model.task === 'classification') return settings
  if (given.measure === 'probability') throw optionError('measure', ' must be logit: a regression has no probabilities')
  return { ...settings, measure: 'logit' }
}

export function perturbationOf(
  { patchSize: unit, fill, value, steps, growing, share }: PerturbationSettings,
  order: Order
): Perturbation {
  return { order, unit, fill, value, steps: stepsTo(share, steps, growing) }
}
