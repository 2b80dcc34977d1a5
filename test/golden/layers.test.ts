import { describe, expect, test } from '@jest/globals'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import { explainLayer } from '../layer.js'
import { defaultDevice } from '../../src/core/paths.js'
import type { RuleParameters } from '../../src/native/addon.js'
import { golden, readJson, relativeError } from '../shared.js'

interface Case {
  case: string
  file: string
  op: string
  attributes: Record<string, unknown>
  rule_name: string
  parameters: RuleParameters
  dtype: string
}

/** PyTorch's module names as op names: Conv2d is conv2d, ReLU6 is relu6, AdaptiveAvgPool2d adaptive_avg_pool2d. */
function opOf(module: string): string {
  const special: Record<string, string> = { ReLU: 'relu', ReLU6: 'relu6', GELU: 'gelu', Sum: 'sum' }
  return special[module] ?? module.replace(/(?<!^)([A-Z])/g, '_$1').toLowerCase()
}

describe('every layer case of the reference values', () => {
  const cases = readJson<Case[]>(golden('layers', 'index.json'))

  test('there are 337', () => expect(cases.length).toBe(337))

  test.each(cases.map((one) => [one.case, one] as const))('%s', async (_, one) => {
    const tensors = await readSafetensors(golden('layers', one.file))
    const { zero_bias, ...settings } = one.parameters
    const relevance = await explainLayer({
      op: opOf(one.op),
      attributes: one.op === 'Sum' ? { dim: [-1] } : one.attributes,
      parameters: Object.fromEntries([...tensors].filter(([name]) => name === 'weight' || name === 'bias')),
      inputs: [tensors.get('input')!],
      relevance: tensors.get('output_relevance')!,
      rule: one.rule_name,
      device: defaultDevice(),
      ruleParameters: zero_bias ? { ...settings, ignoreBias: true } : settings
    })
    expect(relativeError(relevance, tensors.get('input_relevance')!)).toBeLessThan(
      one.dtype === 'float64' ? 1e-10 : 1e-4
    )
  })
})
