import type { ExplainOptions } from '../../src/explain/options.js'
import type { StateDict } from '../../src/core/tensor.js'
import { values } from '../shared.js'

/** The options that give each kind of reference relevance. */
const COMPOSITES: Record<string, ExplainOptions> = {
  epsilon: { rule: 'epsilon' },
  'epsilon-0.25': { rule: 'epsilon', epsilon: 0.25 },
  'gamma-0.25': { rule: 'gamma' },
  alpha1beta0: { rule: 'alpha1beta0' },
  alpha2beta1: { rule: 'alpha2beta1' },
  zplus: { rule: 'zplus' },
  'epsilon-plus': { composite: 'epsilon-plus' },
  'epsilon-plus-flat': { composite: 'epsilon-plus-flat' },
  'epsilon-alpha2beta1': { composite: 'epsilon-alpha2beta1' },
  'epsilon-alpha2beta1-flat': { composite: 'epsilon-alpha2beta1-flat' },
  'epsilon-gamma-box': { composite: 'epsilon-gamma-box', low: -3, high: 3 },
  'excitation-backprop': { composite: 'excitation-backprop' },
  'guided-backprop': { composite: 'guided-backprop' },
  deconvnet: { composite: 'deconvnet' },
  gradient: { method: 'gradient' },
  'input-x-gradient': { method: 'input-x-gradient' },
  'integrated-gradients': { method: 'integrated-gradients', steps: 20 }
}

export interface Wanted {
  tensor: string
  options: ExplainOptions
  layer?: string
  tolerance: number
}

/** What a tensor of the reference values stands for; undefined for captum's, whose rules differ by design. */
export function wantedOf(tensor: string, tensors: StateDict, batchNorm: boolean): Wanted | undefined {
  const targets = Array.from(values(tensors.get('target')!))
  const byName = /^(?:(relevance|folded)\.)?(.+)$/.exec(tensor)!
  const composite = Object.keys(COMPOSITES)
    .filter((name) => byName[2] === name || byName[2]!.startsWith(`${name}.`))
    .sort((a, b) => b.length - a.length)[0]
  if (composite && (byName[1] || /^(gradient|input-x-gradient|integrated-gradients)$/.test(tensor))) {
    const layer = byName[2] === composite ? undefined : byName[2]!.slice(composite.length + 1)
    const exact = byName[1] === 'folded' || !batchNorm
    const tolerance = layer ? (batchNorm ? 1e-3 : 2e-4) : exact ? 1e-4 : 3e-4
    return { tensor, layer, tolerance, options: { ...COMPOSITES[composite], targets, layers: layer ? [layer] : [] } }
  }
  const oneClass = /^class(\d)\.epsilon$/.exec(tensor)
  if (oneClass) return { tensor, tolerance: 1e-4, options: { rule: 'epsilon', target: Number(oneClass[1]) } }
  if (tensor === 'other-target.epsilon') {
    return {
      tensor,
      tolerance: 1e-4,
      options: { rule: 'epsilon', targets: Array.from(values(tensors.get('other-target.target')!)) }
    }
  }
  return undefined
}
