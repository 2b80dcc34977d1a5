import { optionError } from '../core/options.js'
import type { ExplainOptions } from './explain.js'

/** Options that only some methods look at. */
const EFFECTS: { options: (keyof ExplainOptions)[]; methods: string[] }[] = [
  { options: ['rule', 'composite', 'rules', 'epsilon', 'gamma', 'alpha', 'beta', 'low', 'high'], methods: ['lrp'] },
  { options: ['ignoreBias', 'stabiliser', 'topK', 'together', 'start'], methods: ['lrp'] },
  { options: ['concepts', 'exclusive', 'channelLayers'], methods: ['lrp'] },
  { options: ['layers'], methods: ['lrp', 'gradient', 'input-x-gradient'] },
  { options: ['steps'], methods: ['integrated-gradients', 'smoothgrad'] },
  { options: ['noise'], methods: ['smoothgrad'] },
  { options: ['window', 'stride'], methods: ['occlusion'] },
  { options: ['baseline'], methods: ['integrated-gradients', 'occlusion'] },
  { options: ['camLayer'], methods: ['grad-cam'] }
]

/**
 * What was asked for must have an effect under the method, or under one that it is compared with.
 * @throws LrpError INVALID_ARGUMENT naming the option
 */
export function checkEffects(options: ExplainOptions, compared: string[] = []): void {
  const chosen = options.method ?? 'lrp'
  for (const { options: names, methods } of EFFECTS) {
    const idle = names.find((name) => isGiven(options[name]))
    if (idle === undefined || [chosen, ...compared].some((method) => methods.includes(method))) continue
    throw optionError(idle, ` goes with the method ${methods.join(' or ')}, not ${chosen}`)
  }
  const { low, high } = options
  if (low === undefined || high === undefined) return
  const [lows, highs] = [[low].flat(), [high].flat()]
  if (lows.some((value, i) => value >= (highs[i] ?? highs[0]!))) throw optionError('low', ` must be below 'high'`)
}

/** An empty list asks for nothing. */
function isGiven(value: unknown): boolean {
  return value !== undefined && !(Array.isArray(value) && value.length === 0)
}
