import { autoEntries } from './auto.js'
import type { Composite, CompositeEntry } from './types.js'

const at = (match: Omit<CompositeEntry, 'rule'>, rule: string, parameters = {}): CompositeEntry => ({
  ...match,
  rule,
  parameters
})
const dense = at({ kind: 'linear' }, 'epsilon')
const flatFirst = at({ kind: 'weighted', position: 'first' }, 'flat')
const firstConvolution = { kind: 'convolution', position: 'first' } as const
/** LXT's rules, with stabilisers that have no sign. */
const transformer = (attention: string): CompositeEntry[] => [
  at({ kind: 'convolution' }, 'epsilon', { epsilon: 1e-8, stabiliser: 'plain' }),
  at({ kind: 'linear' }, 'epsilon', { stabiliser: 'plain' }),
  at({ kind: 'normalisation' }, 'epsilon', { stabiliser: 'plain' }),
  at({ kind: 'sum' }, 'norm', { epsilon: 1e-8, stabiliser: 'plain' }),
  at({ kind: 'average' }, 'norm', { stabiliser: 'plain' }),
  at({ kind: 'attention' }, attention)
]
const plainGradient = at({ kind: 'any' }, 'gradient')

/**
 * The built-in composites by name. Layers that match no entry get the default rule of their op: `norm` for sums and
 * averages, `pass` for activations, and the gradient for ops that only move values.
 */
export const COMPOSITES: readonly Composite[] = [
  {
    name: 'auto',
    description:
      'a rule for every layer of any network: zplus for convolutions, epsilon for dense layers, AttnLRP for attention',
    layers: [],
    entriesFor: autoEntries
  },
  {
    name: 'epsilon-plus',
    description: 'zplus for convolutions, epsilon for linear layers',
    layers: [at({ kind: 'convolution' }, 'zplus'), dense]
  },
  {
    name: 'epsilon-plus-flat',
    description: 'epsilon-plus with flat at the first layer',
    layers: [flatFirst, at({ kind: 'convolution' }, 'zplus'), dense]
  },
  {
    name: 'epsilon-alpha2beta1',
    description: 'alpha2beta1 for convolutions, epsilon for linear layers',
    layers: [at({ kind: 'convolution' }, 'alpha2beta1'), dense]
  },
  {
    name: 'epsilon-alpha2beta1-flat',
    description: 'epsilon-alpha2beta1 with flat at the first layer',
    layers: [flatFirst, at({ kind: 'convolution' }, 'alpha2beta1'), dense]
  },
  {
    name: 'epsilon-gamma-box',
    description: 'zbox at the first convolution, gamma for the others, epsilon for linear layers',
    layers: [at(firstConvolution, 'zbox'), at({ kind: 'convolution' }, 'gamma'), dense]
  },
  {
    name: 'lrp-tutorial',
    description:
      'zbox at the first layer; then, for each quarter of the depth: gamma 0.5, gamma 0.25, epsilon 0.25, rule 0',
    layers: [
      at({ kind: 'weighted', position: 'first' }, 'zbox'),
      at({ kind: 'weighted', depth: [0, 0.25] }, 'gamma', { gamma: 0.5 }),
      at({ kind: 'weighted', depth: [0.25, 0.5] }, 'gamma', { gamma: 0.25 }),
      at({ kind: 'weighted', depth: [0.5, 0.75] }, 'epsilon', { epsilon: 0.25 }),
      at({ kind: 'weighted' }, '0')
    ]
  },
  {
    name: 'deep-taylor',
    description: 'zbox at the first layer, alpha1beta0 above',
    layers: [at({ kind: 'weighted', position: 'first' }, 'zbox'), at({ kind: 'weighted' }, 'alpha1beta0')]
  },
  {
    name: 'ww',
    description: 'wsquare at the first layer, alpha1beta0 above',
    layers: [at({ kind: 'weighted', position: 'first' }, 'wsquare'), at({ kind: 'weighted' }, 'alpha1beta0')]
  },
  {
    name: 'attnlrp',
    description: 'transformers: epsilon for layers and layer norms, the rule attention for softmax and matrix products',
    layers: transformer('attention')
  },
  {
    name: 'attnlrp-gamma',
    description: 'attnlrp with gamma for convolutions (0.25) and linear layers (0.05): less noisy maps of images',
    layers: [
      at({ kind: 'convolution' }, 'gamma', { gamma: 0.25 }),
      at({ kind: 'linear' }, 'gamma', { gamma: 0.05 }),
      ...transformer('attention')
    ]
  },
  {
    name: 'attnlrp-cp',
    description: 'transformers: attention weights held constant, epsilon for the rest (conservative propagation)',
    layers: transformer('attention-cp')
  },
  {
    name: 'excitation-backprop',
    description: 'zplus everywhere; activations use their gradient',
    layers: [at({ kind: 'weighted' }, 'zplus'), at({ kind: 'activation' }, 'gradient')]
  },
  {
    name: 'guided-backprop',
    description: 'gradients; at ReLUs, only where both input and gradient are positive',
    layers: [at({ kind: 'relu' }, 'guided-backprop'), plainGradient]
  },
  {
    name: 'deconvnet',
    description: 'gradients; at ReLUs, only where the gradient is positive',
    layers: [at({ kind: 'relu' }, 'deconvnet'), plainGradient]
  },
  {
    name: 'beta-smooth',
    description: 'gradients of the network with its ReLUs smoothed to softplus',
    layers: [at({ kind: 'relu' }, 'beta-smooth'), plainGradient]
  }
]

/** Returns the names of all composites, which the option `composite` accepts. */
export function compositeNames(): string[] {
  return COMPOSITES.map((composite) => composite.name)
}
