import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { explain } from '../../src/explain/explain.js'
import { GraphBuilder, initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'
import { relativeError } from '../shared.js'

const [TOKENS, WIDTH] = [5, 4]

/** Self-attention between a layer norm and a head, the attention as one op or spelled out. */
async function network(spelledOut: boolean, tokens = TOKENS): Promise<Model> {
  const b = new GraphBuilder([tokens, WIDTH])
  const normed = b.layerNorm('norm', 'input')
  const [q, k, v] = ['q', 'k', 'v'].map((name) => b.linear(name, normed, WIDTH)) as [string, string, string]
  const attended = spelledOut ? spell(b, q, k, v) : b.add('attention', 'scaled_dot_product_attention', [q, k, v])
  const sum = b.add('sum', 'add', ['input', attended])
  const head = b.linear('head', b.add('flat', 'flatten', [sum], {}), 3)
  return Model.create(await initialise(b.finish('attending', head), 3))
}

function spell(b: GraphBuilder, q: string, k: string, v: string): string {
  const turned = b.add('turned', 'permute', [k], { dims: [0, 2, 1] })
  const scores = b.add('scores', 'matmul', [q, turned])
  const scaled = b.add('scaled', 'mul_scalar', [scores], { value: 1 / Math.sqrt(WIDTH) })
  return b.add('attended', 'matmul', [b.add('weights', 'softmax', [scaled], { dim: -1 }), v])
}

const image = fc.array(fc.double({ min: -2, max: 2, noNaN: true }), {
  minLength: 2 * TOKENS * WIDTH,
  maxLength: 2 * TOKENS * WIDTH
})

test.each(['attnlrp', 'attnlrp-gamma', 'attnlrp-cp'])(
  '%s explains attention as one op like attention spelled out, each image by itself',
  async (composite) => {
    using one = await network(false)
    using spelled = await network(true)
    await fc.assert(
      fc.asyncProperty(image, async (values) => {
        const input = { data: Float32Array.from(values, (value, i) => value + i / 50), shape: [2, TOKENS, WIDTH] }
        const options = { composite, target: 1, epsilon: 0.01 }
        const [a, b] = [await explain(one, input, options), await explain(spelled, input, options)]
        // Where an output that relevance is divided by nearly cancels, rounding is amplified: as an input is that moves a little.
        const moved = { ...input, data: input.data.map((value, i) => value * (1 + (i % 2 ? 1e-6 : -1e-6))) }
        const sensitivity = relativeError((await explain(one, moved, options)).relevance, a.relevance)
        const rounding = 1e-5 + 10 * sensitivity
        expect(relativeError(a.relevance, b.relevance)).toBeLessThan(rounding)
        const second = { data: input.data.slice(TOKENS * WIDTH), shape: [1, TOKENS, WIDTH] }
        const alone = await explain(one, second, options)
        const rest = { data: a.relevance.data.slice(TOKENS * WIDTH), shape: second.shape }
        expect(relativeError(alone.relevance, rest)).toBeLessThan(rounding)
      }),
      { numRuns: 20 }
    )
  }
)

test.each(['attnlrp', 'attnlrp-gamma', 'attnlrp-cp'])(
  '%s explains attention over many tokens, which takes several blocks of queries, like attention spelled out',
  async (composite) => {
    const tokens = 1100
    using one = await network(false, tokens)
    using spelled = await network(true, tokens)
    const data = Float32Array.from({ length: tokens * WIDTH }, (_, i) => Math.sin(i * 12.9898 + (i % 7)))
    const input = { data, shape: [1, tokens, WIDTH] }
    const options = { composite, target: 1, epsilon: 0.01 }
    const [a, b] = [await explain(one, input, options), await explain(spelled, input, options)]
    expect(relativeError(a.relevance, b.relevance)).toBeLessThan(1e-4)
  }
)

test('held weights give queries and keys nothing; AttnLRP gives them something', async () => {
  using model = await network(false)
  const input = {
    data: Float32Array.from({ length: TOKENS * WIDTH }, (_, i) => Math.sin(i)),
    shape: [1, TOKENS, WIDTH]
  }
  const arriving = async (composite: string): Promise<boolean[]> => {
    const { layers } = await explain(model, input, { composite, layers: ['q', 'k', 'v'] })
    return ['q', 'k', 'v'].map((name) => layers[name]?.data.some((value) => value !== 0) ?? false)
  }
  expect(await arriving('attnlrp')).toEqual([true, true, true])
  expect(await arriving('attnlrp-cp')).toEqual([false, false, true])
})

test('without a rule for it attention is refused, with the composites that have one; the rule refuses other layers', async () => {
  using model = await network(false)
  const input = { data: new Float32Array(TOKENS * WIDTH).fill(1), shape: [1, TOKENS, WIDTH] }
  const unsupported = (message: RegExp): object => ({ code: 'UNSUPPORTED', message: expect.stringMatching(message) })
  await expect(explain(model, input, { rule: 'epsilon' })).rejects.toMatchObject(
    unsupported(/node 'norm' \(layer_norm\): .*attnlrp, attnlrp-gamma and attnlrp-cp do/)
  )
  for (const [rule, message] of [
    ['attention', /node 'head' \(linear\): this rule applies only to softmax, matmul and scaled_dot_product_attention/],
    ['pass', /node 'head' \(linear\): the rule pass needs a layer/],
    ['norm', /node 'flat' \(flatten\): the rule norm applies only to sums and linear layers/]
  ] as const) {
    const layers = [{ kind: 'any' as const, rule }]
    await expect(explain(model, input, { composite: { name: 'mine', layers } })).rejects.toMatchObject(
      unsupported(message)
    )
  }
})
