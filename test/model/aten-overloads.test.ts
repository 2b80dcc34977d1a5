import { expect, test } from '@jest/globals'
import type { RawTensor } from '../../src/core/tensor.js'
import { explainLayer } from '../layer.js'
import { values } from '../shared.js'
import { ATEN_CASES, callOf, forward, numbers, type AtenCase } from './aten-cases.js'

function gradient(one: AtenCase): Promise<RawTensor> {
  const { op, tensors, attributes } = callOf(one)
  const names = tensors.map(([name]) => name)
  const relevance = Float32Array.from(numbers(one.output), (_, i) => Math.cos(0.7 * i))
  return explainLayer({
    op,
    attributes: { ...attributes, arguments: names },
    parameters: {},
    inputs: tensors.map(([, tensor]) => tensor),
    relevance: { dtype: 'f32', shape: one.shape, data: new Uint8Array(relevance.buffer) },
    rule: 'gradient',
    ruleParameters: {},
    input: names.indexOf(one.of!)
  })
}

function difference(found: ArrayLike<number>, expected: Float32Array): number {
  if (found.length !== expected.length) return NaN
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
  return expected.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0) / largest
}

test('overloads of aten as nodes: output, inferred shape and gradient are those of Python', async () => {
  const wrong: string[] = []
  for (const one of ATEN_CASES) {
    const name = `${one.op} ${JSON.stringify(one.arguments)}`
    try {
      const { data, shape, inferred } = await forward(callOf(one))
      if (!(difference(data, numbers(one.output)) < 1e-5)) wrong.push(`${name}: another output`)
      if (shape.join() !== one.shape.join()) wrong.push(`${name}: shape ${shape.join()}`)
      if (inferred.join() !== one.shape.join()) wrong.push(`${name}: inferred shape ${inferred.join()}`)
      if (one.gradient === undefined) continue
      const found = values(await gradient(one))
      if (!(difference(found, numbers(one.gradient)) < 1e-5)) wrong.push(`${name}: another gradient`)
    } catch (error) {
      wrong.push(`${name}: ${(error as Error).message}`)
    }
  }
  expect(wrong).toEqual([])
  expect(new Set(ATEN_CASES.map(({ op }) => op)).size).toBeGreaterThan(400)
})
