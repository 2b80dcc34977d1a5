import { expect, test } from '@jest/globals'
import type { AttributeValue } from '../../src/core/graph.js'
import { explain } from '../../src/explain/explain.js'
import { Model } from '../../src/model/model.js'
import { native } from '../../src/native/addon.js'
import { COMPOSITES } from '../../src/rules/composites.js'
import { node, weight } from '../models.js'

/** Other than the defaults. */
const ATTRIBUTES: Record<string, Record<string, AttributeValue>> = {
  hardtanh: { min_val: -0.4, max_val: 0.7 },
  leaky_relu: { negative_slope: 0.2 },
  elu: { alpha: 0.6 },
  gelu: { approximate: 'tanh' },
  softplus: { beta: 1.5 }
}
const overloads = native().atenOverloads()
/** Activations that are both an op of ours and a call: the calls must be explained as the ops are. */
const activations = native()
  .ops()
  .filter((op) => native().opRecord(op).kind === 'activation' && overloads[`aten::${op}`] === null)

const random = (shape: number[], seed: number) =>
  weight(
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => 0.4 * Math.sin(12.9898 * (i + seed)))
  )

async function maps(op: string, composite: string): Promise<number[]> {
  const attributes = ATTRIBUTES[op.replace('aten::', '')]
  using model = await Model.create({
    name: op,
    graph: {
      inputShape: [null, 2, 4, 4],
      nodes: [
        node('first', 'conv2d', ['input'], { padding: 1 }, { weight: 'first', bias: 'bias' }),
        node('one', op, ['first'], attributes),
        node('second', 'conv2d', ['one'], {}, { weight: 'second', bias: 'bias' }),
        node('two', op, ['second'], attributes),
        node('flat', 'flatten', ['two']),
        node('head', 'linear', ['flat'], {}, { weight: 'head' })
      ],
      output: 'head'
    },
    tensors: new Map([
      ['first', random([3, 2, 3, 3], 1)],
      ['second', random([3, 3, 3, 3], 2)],
      ['bias', random([3], 3)],
      ['head', random([2, 12], 4)]
    ])
  })
  const data = Float32Array.from({ length: 32 }, (_, i) => Math.cos(7.3 * i))
  const box = /box|lrp-tutorial|deep-taylor/.test(composite) ? { low: -1, high: 1 } : {}
  const { relevance } = await explain(model, { data, shape: [1, 2, 4, 4] }, { composite, target: 1, ...box })
  return Array.from(relevance.data)
}

test.each(COMPOSITES.map(({ name }) => name))('%s explains calls of activations as the ops', async (composite) => {
  expect(activations.length).toBeGreaterThan(8)
  for (const op of activations) {
    const [own, called] = [await maps(op, composite), await maps(`aten::${op}`, composite)]
    expect(own.some((value) => value !== 0)).toBe(true)
    const largest = Math.max(...own.map(Math.abs))
    const apart = Math.max(...own.map((value, i) => Math.abs(value - called[i]!))) / largest
    expect([op, apart < 1e-5]).toEqual([op, true])
  }
})

test('the record of such a call claims what that of the op does', () => {
  const wider = ['softplus', 'elu'] // calls have arguments that turn the sign of the output
  for (const op of activations) {
    const [own, called] = [native().opRecord(op), native().opRecord(`aten::${op}`)]
    const { attributes: _, ...claims } = { ...own, ...(wider.includes(op) && { sign: 'any' }) }
    expect([op, called]).toMatchObject([op, claims])
  }
})

test.each(
  'celu selu mish prelu log_sigmoid threshold hardshrink softshrink clamp square exp special_erf arctan'.split(' ')
)('relevance passes through aten::%s unchanged', (op) => {
  const claims = { kind: 'activation', rule: 'pass', conserves: 'exact', reach: 'place', movesValues: false }
  expect(native().opRecord(`aten::${op}`)).toMatchObject(claims)
})

test('weighted sums are shared out, and a choice goes to what was chosen', () => {
  for (const op of ['lerp.Scalar', 'lerp.Tensor', 'addcmul', 'addcdiv', 'add.Tensor', 'rsub.Tensor', 'subtract.Tensor'])
    expect([op, native().opRecord(`aten::${op}`)]).toMatchObject([
      op,
      { kind: 'sum', rule: 'norm', conserves: 'exact' }
    ])
  for (const op of ['clamp.Tensor', 'clamp_min.Tensor', 'clamp_max.Tensor', 'clip.Tensor', 'where.self', 'maximum'])
    expect([op, native().opRecord(`aten::${op}`)]).toMatchObject([op, { kind: 'move', rule: 'gradient' }])
})
