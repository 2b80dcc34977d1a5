import { digest } from '../core/digest.js'
import { resumeValues } from '../core/option.js'
import type { Model } from '../model/model.js'
import type { Explanation } from './explain.js'
import { explainToFilesOptions, type ExplainToFilesOptions } from './file-options.js'
import type { Inputs } from './inputs.js'

/** What must be the same for a run to continue: network (by what it says of the first image), images, rules and options. */
export async function keyOf(
  model: Model,
  inputs: Inputs,
  plan: Pick<Explanation, 'name' | 'rules'>,
  options: ExplainToFilesOptions
): Promise<string> {
  const logits = await model.forward(await inputs.read(0, 1))
  return digest([
    model.graph,
    model.precision,
    logits.data,
    inputs.names,
    plan,
    resumeValues(explainToFilesOptions, options)
  ])
}
