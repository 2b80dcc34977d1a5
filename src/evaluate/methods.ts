import { LrpError } from '../core/errors.js'
import type { StateDict, Tensor } from '../core/tensor.js'
import { explain } from '../explain/explain.js'
import { namedMethod } from '../explain/named-method.js'
import type { Model } from '../model/model.js'

/** Makes maps by means of the caller's own. */
export interface Explainer {
  name: string
  /** What its maps depend on besides the model. A stopped evaluation continues only where this is the same, as JSON. */
  options?: object
  /** Explains images [n, channels, height, width] for one class each. @returns their maps, one after the other */
  explain: (model: Model, images: Tensor, targets: Int32Array) => Promise<Float32Array>
}

/** @throws LrpError INVALID_ARGUMENT for unknown and repeated names */
export function chooseMethods(methods: (string | Explainer)[], patterns?: string | StateDict): Explainer[] {
  const chosen = methods.map((method): Explainer => (typeof method === 'string' ? byName(method, patterns) : method))
  const twice = chosen.find(({ name }, i) => chosen.findIndex((other) => other.name === name) !== i)
  if (twice) throw new LrpError('INVALID_ARGUMENT', `the method '${twice.name}' is named twice`)
  if (chosen.length === 0) throw new LrpError('INVALID_ARGUMENT', 'there is no method to evaluate')
  return chosen
}

function byName(name: string, patterns?: string | StateDict): Explainer {
  const options = { ...namedMethod(name), ...(name.startsWith('pattern') && { patterns }) }
  return {
    name,
    explain: async (model, images, targets) => (await explain(model, images, { ...options, targets })).relevance.data
  }
}
