import { parse } from 'node:path'
import { recordedSettings } from '../core/command-line.js'
import { safeName } from '../core/paths.js'
import type { Model } from '../model/model.js'
import { explainOptions } from './options.js'
import type { Flat } from './targets/options.js'

/** What tells explanations by one method apart. */
const TOLD_APART = ['head', 'target', 'region', 'box', 'reference', 'against', 'start', 'concept']
/** Those that may be files. */
const FILES = ['region', 'reference']
const LONGEST = 40

/**
 * The name of the folder of an explanation: the method, and what is explained where that is not the usual target:
 * `epsilon`, `epsilon-target-3`, `epsilon-head-parity-against-runner-up`.
 */
export function resultName(model: Model, method: string, options: Flat<{ start?: string }>): string {
  const { target, start, head = model.source?.options.head } = options
  const chosen = {
    ...options,
    target: target === 'argmax' ? undefined : target,
    start: start === 'logit' ? undefined : start
  }
  const recorded = { ...recordedSettings(explainOptions, chosen), ...(head !== undefined && { head }) }
  const parts = TOLD_APART.flatMap((name) => {
    const value = recorded[name as keyof typeof recorded]
    if (value === undefined) return []
    const text = String(value)
    return [`${name}-${(FILES.includes(name) ? parse(text).name : text).slice(0, LONGEST)}`]
  })
  return safeName([method, ...parts].join('-'))
}
