import { digest } from '../core/digest.js'
import { resumeValues } from '../core/option.js'
import type { Provenance } from '../model/provenance.js'
import type { Explanation } from './explain.js'
import { explainToFilesOptions, type ExplainToFilesOptions } from './file-options.js'
import type { Inputs } from './inputs.js'

/** What must be the same for a run to continue: software, model, images (names, and pixels of the first), rules and options. */
export async function keyOf(
  provenance: Provenance,
  inputs: Inputs,
  plan: Pick<Explanation, 'name' | 'rules'>,
  options: ExplainToFilesOptions
): Promise<string> {
  const first = await inputs.read(0, 1)
  return digest([provenance, first, inputs.names, plan, resumeValues(explainToFilesOptions, options)])
}
