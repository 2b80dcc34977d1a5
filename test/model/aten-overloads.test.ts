import { expect, test } from '@jest/globals'
import type { RawTensor } from '../../src/core/tensor.js'
import { explainLayer } from '../layer.js'
import { values } from '../shared.js'
import { ATEN_CASES, callOf, forward, numbers, type AtenCase } from './aten-cases.js'

function gradient(one: AtenCase): Promise<RawTensor> {
  const { op, tensors, attributes } = callOf(one)
  const isRead = ([name, { dtype }]: [string, RawTensor]): boolean =>
    name === one.of || dtype !== 'f32' || name.includes('.')
  const read = tensors.filter(isRead)
  const names = read.map(([name]) => name)
  const relevance = Float32Array.from(numbers(one.output), (_, i) => Math.cos(0.7 * i))
  return explainLayer({
    op,
    attributes: { ...attributes, arguments: names },
    parameters: Object.fromEntries(tensors.filter((tensor) => !isRead(tensor))),
    inputs: read.map(([, tensor]) => tensor),
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
  const compared = new Set<string>()
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
      compared.add(one.op)
    } catch (error) {
      const refused = (error as Error).message.includes('autograd cannot differentiate this operator')
      if (refused && one.gradient === undefined) continue // neither can PyTorch
      wrong.push(`${name}: ${(error as Error).message}`)
    }
  }
  expect(wrong).toEqual([])
  expect(compared.size).toBeGreaterThan(330)
})
