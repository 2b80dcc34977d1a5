import { withDefaults } from '../src/rules/catalogue.js'
import { native, type LayerCall } from '../src/native/addon.js'
import type { RawTensor } from '../src/core/tensor.js'

/** One layer under one rule on the CPU: relevance at its first input, unless another one is asked for. */
export function explainLayer(
  call: Omit<LayerCall, 'input' | 'device'> & Partial<Pick<LayerCall, 'input' | 'device'>>
): Promise<RawTensor> {
  const { parameters } = withDefaults({ node: 'layer', rule: call.rule, parameters: call.ruleParameters })
  return native().testing.explainLayer({ input: 0, device: 'cpu', ...call, ruleParameters: parameters })
}
