import { describe, expect, test } from '@jest/globals'
import type { RawTensor } from '../../src/core/tensor.js'
import { native } from '../../src/native/addon.js'
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

const baseOf = (op: string): string => op.replace('aten::', '').replace(/\..*/, '')

describe('the tables of native/ops/aten_exceptions.cpp', () => {
  const tables = native().testing.atenTables()
  const callable = Object.entries(native().atenOverloads()).flatMap(([op, reason]) => (reason === null ? [op] : []))

  test('name operators of PyTorch that a graph may call, and arguments that they have', () => {
    const names = new Set(callable.map(baseOf))
    expect(Object.keys(tables).filter((name) => !names.has(name))).toEqual([])
    for (const [name, wanted] of Object.entries(tables)) {
      const overloads = callable.filter((op) => baseOf(op) === name)
      const known = overloads.flatMap((op) => native().atenSchema(name, op.split('.')[1] ?? 'default') ?? [])
      expect([name, known.map((argument) => argument.name)]).toEqual([name, expect.arrayContaining(wanted)])
    }
  })

  test('name no operator without a case in the fixture, and with a gradient unless relevance ends there', () => {
    const without = Object.keys(tables).filter((name) => !ATEN_CASES.some(({ op }) => baseOf(op) === name))
    expect(without).toEqual([])
    const wrong = ATEN_CASES.filter(
      ({ op, gradient }) => native().opRecord(op).kind === 'constant' && gradient !== undefined
    )
    expect(wrong.map(({ op }) => op)).toEqual([])
    const idle = Object.keys(tables).filter((name) => {
      const cases = ATEN_CASES.filter(({ op }) => baseOf(op) === name)
      const isConstant = cases.some(({ op }) => native().opRecord(op).kind === 'constant')
      return !isConstant && !POINTWISE_WITHOUT_GRADIENT.test(name) && cases.every(({ gradient }) => !gradient)
    })
    expect(idle).toEqual([])
  })

  test('give a second name of a function the record of the first', () => {
    const record = (op: string) => native().opRecord(op)
    expect(record('aten::subtract.Tensor')).toEqual(record('aten::sub.Tensor'))
    expect(record('aten::special_erf')).toEqual(record('aten::erf'))
    expect(record('aten::slice_copy.Tensor')).toEqual(record('aten::slice.Tensor'))
    expect(record('aten::true_divide.Scalar')).toEqual(record('aten::div.Scalar'))
    expect(record('aten::special_softmax')).toEqual(record('aten::softmax.int'))
    for (const name of Object.keys(tables).filter((one) => one.startsWith('special_'))) {
      const kinds = (base: string) => callable.filter((op) => baseOf(op) === base).map((op) => record(op).kind)
      const first = kinds(name.replace('special_', ''))
      if (first.length > 0) expect([name, first]).toEqual([name, expect.arrayContaining(kinds(name))])
    }
  })
})

/** Their records tell what is pointwise: the batch of an importer follows it. */
const POINTWISE_WITHOUT_GRADIENT = /^(g[et]|l[et]|ne|greater|less|not_equal|isclose|floor_divide)(_equal)?$/

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
