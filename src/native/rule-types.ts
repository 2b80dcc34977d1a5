/** Parameters of a rule by name. */
export type RuleParameters = Record<string, number | boolean | string | number[]>

/** One rule for one node, all parameters spelled out (composites are resolved in TypeScript). */
export interface NodeRule {
  node: string
  rule: string
  parameters: RuleParameters
  /** Of a rule that is given as data: its own name, and what the rule `shares` computes. */
  name?: string
  shares?: NativeShare[]
}

/** above * max(W, 0) + below * min(W, 0) (split), W squared, or ones; native/ops/linear_map.h. */
export interface NativePart {
  kind: 'split' | 'squared' | 'ones'
  above: number
  below: number
}

export interface NativeTerm {
  factor: number
  input: 'all' | 'positive' | 'negative' | 'absolute' | 'squared' | 'ones' | 'low' | 'high'
  weight: NativePart
  bias?: NativePart
}

/** native/rules/shares.h */
export interface NativeShare {
  factor: number
  output: 'any' | 'positive' | 'negative'
  terms: NativeTerm[]
  denominator?: NativeTerm[]
}
