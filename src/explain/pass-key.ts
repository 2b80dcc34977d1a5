import { createHash } from 'node:crypto'
import type { Model } from '../model/model.js'
import type { ExplainOptions, Explanation } from './explain.js'
import type { Inputs } from './inputs.js'

/** What says that two runs are the same beside the rules, the images' names and the first image's logits. */
const SETTINGS =
  'target together start concepts exclusive layers topK batchSize steps noise window stride camLayer baseline seed format views heatmap'

/** What must be the same for a run to go on: images, network (by what it says of the first image), rules and settings. */
export async function keyOf(
  model: Model,
  inputs: Inputs,
  plan: Pick<Explanation, 'name' | 'rules'>,
  options: ExplainOptions,
  passSize: number
): Promise<string> {
  const logits = await model.forward(await inputs.read(0, 1))
  const given = SETTINGS.split(' ').map((name) => (options as Record<string, unknown>)[name] ?? null)
  const hash = createHash('sha256')
  hash.update(JSON.stringify([model.graph, inputs.names, plan, given, passSize, Array.from(logits.data)]))
  for (const [name, { data }] of options.patterns ?? []) hash.update(name).update(data)
  return hash.digest('hex')
}
