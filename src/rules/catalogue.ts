import type { NodeRule, RuleParameters } from '../native/addon.js'
import type { RuleDescription } from './data-rule.js'

const BACH = 'Bach et al. 2015'
const MONTAVON = 'Montavon et al. 2017'

/** All rules by name, as `lrp-native rules` lists them. */
export const RULES: readonly RuleDescription[] = [
  {
    name: '0',
    formula: 'x * fT(R / S(f(x, W, b)), W), epsilon 1e-9',
    reference: BACH,
    parameters: { epsilon: 1e-9 },
    native: 'epsilon',
    layers: 'weighted'
  },
  {
    name: 'epsilon',
    formula: 'x * fT(R / S(f(x, W, b)), W)',
    reference: BACH,
    parameters: { epsilon: 1e-6 },
    native: 'epsilon',
    layers: 'weighted'
  },
  {
    name: 'gamma',
    formula: 'epsilon rule with W + gamma W+ for positive outputs and W + gamma W- for negative outputs',
    reference: 'Montavon et al. 2019; signed form: zennit',
    parameters: { gamma: 0.25, epsilon: 1e-6 },
    native: 'gamma',
    layers: 'weighted'
  },
  {
    name: 'epsilon-gamma',
    formula: 'gamma rule with a large stabiliser',
    reference: 'TorchLRP (gamma+epsilon)',
    parameters: { gamma: 0.25, epsilon: 0.1 },
    native: 'gamma',
    layers: 'weighted'
  },
  {
    name: 'alphabeta',
    formula:
      'alpha x fT(R / S(P), W+) - beta x fT(R / S(N), W-), P and N the positive and negative parts of f(x, W, b)',
    reference: BACH,
    parameters: { alpha: 2, beta: 1, epsilon: 1e-6 },
    native: 'alphabeta',
    layers: 'weighted'
  },
  {
    name: 'alpha1beta0',
    formula: 'alphabeta with alpha 1, beta 0',
    reference: BACH,
    parameters: { epsilon: 1e-6 },
    native: 'alphabeta',
    fixed: { alpha: 1, beta: 0 },
    layers: 'weighted'
  },
  {
    name: 'alpha2beta1',
    formula: 'alphabeta with alpha 2, beta 1',
    reference: BACH,
    parameters: { epsilon: 1e-6 },
    native: 'alphabeta',
    fixed: { alpha: 2, beta: 1 },
    layers: 'weighted'
  },
  {
    name: 'zplus',
    formula: 'x+ fT(R / S(P), W+) + x- fT(R / S(P), W-)',
    reference: MONTAVON,
    parameters: { epsilon: 1e-6 },
    native: 'zplus',
    layers: 'weighted'
  },
  {
    name: 'flat',
    formula: 'fT(R / S(f(1, 1, 0)), 1)',
    reference: 'Lapuschkin et al. 2019',
    parameters: { epsilon: 1e-6 },
    native: 'flat',
    layers: 'weighted'
  },
  {
    name: 'wsquare',
    formula: 'fT(R / S(f(1, W^2, b^2)), W^2)',
    reference: MONTAVON,
    parameters: { epsilon: 1e-6 },
    native: 'wsquare',
    layers: 'weighted'
  },
  {
    name: 'zbox',
    formula:
      'x fT(R/S(z), W) - low fT(R/S(z), W+) - high fT(R/S(z), W-), z = f(x, W, b) - f(low, W+, b+) - f(high, W-, b-)',
    reference: MONTAVON,
    parameters: { epsilon: 1e-6 },
    native: 'zbox',
    layers: 'weighted'
  },
  {
    name: 'patternnet',
    formula: 'fT(R, A), A the fitted pattern',
    reference: 'Kindermans et al. 2018',
    parameters: { normalise: false },
    native: 'patternnet',
    layers: 'weighted'
  },
  {
    name: 'patternattribution',
    formula: 'fT(R, A * W), A the fitted pattern',
    reference: 'Kindermans et al. 2018',
    parameters: { normalise: false },
    native: 'patternattribution',
    layers: 'weighted'
  },
  {
    name: 'attention',
    formula:
      'softmax: x (R - s sum(R)); products O = A B: A (q B^T) and B (A^T q), q = R / S(2 O); attention uses both',
    reference: 'Achtibat et al. 2024 (AttnLRP)',
    parameters: { epsilon: 1e-8, stabiliser: 'plain' },
    native: 'attention',
    layers: 'any'
  },
  {
    name: 'attention-cp',
    formula: 'attention weights s held constant: values v get v (s^T R / S(s v)), queries and keys get nothing',
    reference: 'Ali et al. 2022 (conservative propagation)',
    parameters: { epsilon: 1e-6, stabiliser: 'plain' },
    native: 'attention-cp',
    layers: 'any'
  },
  {
    name: 'norm',
    formula: 'epsilon rule; in sums, each summand a gets a R / S(a + b)',
    reference: 'zennit (Norm)',
    parameters: { epsilon: 1e-6, stabiliser: 'signed' },
    native: 'norm',
    layers: 'any'
  },
  {
    name: 'pass',
    formula: 'R unchanged',
    reference: BACH,
    parameters: { normalise: false },
    native: 'pass',
    layers: 'any'
  },
  {
    name: 'uniform',
    formula: 'relevance is split equally among the factors',
    reference: 'Achtibat et al. 2024 (AttnLRP)',
    parameters: {},
    native: 'uniform',
    layers: 'any'
  },
  {
    name: 'gated',
    formula:
      'all relevance goes to the signal if the other factor is a gate (sigmoid, softmax, x * f(x)); otherwise like uniform',
    reference: 'Arras et al. 2017',
    parameters: {},
    native: 'uniform',
    layers: 'any'
  },
  {
    name: 'constant',
    formula: 'the output is held constant: no relevance passes through',
    reference: 'Ali et al. 2022 (divisors of layer norms)',
    parameters: {},
    native: 'constant',
    layers: 'any'
  },
  {
    name: 'gradient',
    formula: 'the plain gradient',
    reference: 'Simonyan et al. 2014',
    parameters: {},
    native: 'gradient',
    layers: 'any'
  },
  {
    name: 'guided-backprop',
    formula: 'at a ReLU: the gradient where R > 0, else 0',
    reference: 'Springenberg et al. 2015',
    parameters: {},
    native: 'guided-backprop',
    layers: 'relu'
  },
  {
    name: 'deconvnet',
    formula: 'at a ReLU: R+, regardless of the input',
    reference: 'Zeiler and Fergus 2014',
    parameters: {},
    native: 'deconvnet',
    layers: 'relu'
  },
  {
    name: 'beta-smooth',
    formula: 'at a ReLU: R times the sigmoid of beta x (gradient of the softplus)',
    reference: 'Dombrowski et al. 2019',
    parameters: { beta: 10 },
    native: 'beta-smooth',
    layers: 'relu'
  }
]

/** Parameters that every rule for weighted layers takes besides its own, with their defaults. */
export const COMMON_PARAMETERS: RuleParameters = { ignoreBias: false, stabiliser: 'signed' }

/** By the name that C++ knows: every parameter of a rule, with its default. Rules that divide take the common ones. */
const DEFAULTS = new Map<string, RuleParameters>(
  [...RULES].reverse().map(({ native, layers, parameters }) => {
    const divides = layers === 'weighted' || 'stabiliser' in parameters
    return [native, divides ? { ...COMMON_PARAMETERS, ...parameters } : parameters]
  })
)

/** A node's rule as C++ takes it, which has no defaults: every parameter is there. */
export function withDefaults(rule: NodeRule): NodeRule {
  return { ...rule, parameters: { ...(DEFAULTS.get(rule.rule) ?? COMMON_PARAMETERS), ...rule.parameters } }
}

/** Returns the names of all rules, which the option `rule` accepts. */
export function ruleNames(): string[] {
  return RULES.map((rule) => rule.name)
}
