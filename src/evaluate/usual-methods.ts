import { isLrpError } from '../core/errors.js'
import { namedMethod } from '../explain/named-method.js'
import type { ExplainedImages } from './explained-images.js'
import { chooseMethods, type Explainer } from './methods.js'

/** Why a method does not fit a network; other errors are not about the method. */
const DOES_NOT_FIT = ['UNSUPPORTED', 'INVALID_ARGUMENT']

/**
 * The methods that are compared if none are named: those that can explain the network. Where a rule cannot, the composite
 * `auto`, which fits any network, comes first.
 * @throws LrpError where none can
 */
export async function usualMethods(usual: Explainer[], images: ExplainedImages): Promise<Explainer[]> {
  const fitting: Explainer[] = []
  let lacksRule = false
  for (const method of usual) {
    if (await fits(method, images)) fitting.push(method)
    else lacksRule ||= namedMethod(method.name).method === undefined
  }
  if (!lacksRule) return fitting
  const [auto] = chooseMethods(['auto']) as [Explainer]
  await images.tryOut(auto)
  return [auto, ...fitting]
}

async function fits(method: Explainer, images: ExplainedImages): Promise<boolean> {
  try {
    await images.tryOut(method)
    return true
  } catch (error) {
    if (isLrpError(error) && DOES_NOT_FIT.includes(error.code)) return false
    throw error
  }
}
