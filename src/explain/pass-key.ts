import { createHash, type Hash } from 'node:crypto'
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
  const hash = createHash('sha256')
  add(hash, [model.graph, logits.data, inputs.names, plan, resumeValues(explainToFilesOptions, options)])
  return hash.digest('hex')
}

/** Any value, arrays of numbers by their bytes; functions do not count. */
function add(hash: Hash, value: unknown): void {
  if (ArrayBuffer.isView(value)) hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
  else if (value instanceof Map) add(hash, [...value])
  else if (typeof value === 'object' && value !== null)
    for (const [key, part] of Object.entries(value)) {
      hash.update(`${key}:`)
      add(hash, part)
    }
  else if (typeof value !== 'function') hash.update(`${typeof value} ${String(value)};`)
}
