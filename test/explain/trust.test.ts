import { describe, expect, test } from '@jest/globals'
import { checkExplanation } from '../../src/explain/check.js'
import { judge, TRUST_LIMITS } from '../../src/explain/trust.js'
import { buildArchitecture } from '../../src/model/architectures/index.js'
import { initialise } from '../../src/model/builder.js'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import { Model } from '../../src/model/model.js'
import type { Tensor } from '../../src/core/tensor.js'
import { node, weight } from '../models.js'
import { describeShared, floats, shared } from '../shared.js'

describe('the verdict', () => {
  test.each([
    [{ magnitude: 2, unexplained: 0.01, rounding: 1e-6, gradient: 1e-4 }, 'trustworthy'],
    [{ magnitude: 31 }, 'limited'],
    [{ magnitude: 2, unexplained: 5 }, 'limited'],
    [{ magnitude: 101 }, 'untrustworthy'],
    [{ magnitude: 2, rounding: 0.02 }, 'untrustworthy'],
    [{ magnitude: 2, gradient: NaN }, 'untrustworthy'],
    [{ magnitude: 2, gradient: null }, 'trustworthy']
  ])('on %j is %s', (measures, verdict) => {
    expect(judge(measures).verdict).toBe(verdict)
  })

  test('has its reasons in one sentence', () => {
    expect(judge({ magnitude: 3.2e5, rounding: 0.2 }).sentence).toBe(
      'Do not trust the map: the magnitudes of the relevance add up to 320000 times the logit and float64 changes the map by 20 %.'
    )
    expect(judge({ magnitude: 1.3, unexplained: 0.002 }).sentence).toBe(
      'The map can be trusted: the magnitudes of the relevance add up to 1.3 times the logit and 0.2 % of the relevance is unaccounted for (biases and stabilisers absorb the rest).'
    )
    expect(judge({ magnitude: 2.2, unexplained: 0.77 }).sentence).toBe(
      'Read only the coarse structure of the map: 77 % of the relevance reaches neither the pixels nor the biases (position embeddings take it, or rules do not conserve it).'
    )
    expect(judge({ magnitude: 0.00023, unexplained: 0 }).sentence).toBe(
      'The map can be trusted: it contains 0.023 % of the relevance of the output and 0 % of the relevance is unaccounted for (biases and stabilisers absorb the rest).'
    )
  })
})

const random = (shape: number[], scale = 1): Float32Array =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => scale * Math.sin(i * i * 0.7 + i))

async function lenet(): Promise<Model> {
  return Model.create(await initialise(buildArchitecture('lenet', { imageShape: [1, 28, 28], classes: 4 }), 3))
}

describe('a check', () => {
  test('of a network of linear layers and ReLUs compares with float64 and with gradient x input', async () => {
    using model = await lenet()
    const input: Tensor = { data: random([2, 1, 28, 28]), shape: [2, 1, 28, 28] }
    const found = await checkExplanation(model, input, { composite: 'epsilon-plus' })
    expect(found).toMatchObject({ verdict: 'trustworthy' })
    expect(found.rounding).toBeLessThan(1e-4)
    expect(found.rounding).toBeGreaterThan(0)
    expect(found.gradient).toBeLessThan(1e-3)
    expect(found.unexplained).toBeLessThan(1e-3)
  })

  test.each([
    node('curved', 'sigmoid', ['fc']),
    node('curved', 'aten::lerp.Tensor', ['fc', 'input', 'fc']),
    node('curved', 'aten::addcmul', ['fc', 'fc', 'input'])
  ])('names the node for which LRP-0 is no gradient: $op', async (curved) => {
    const nodes = [
      node('fc', 'linear', ['input'], {}, { weight: 'w' }),
      curved,
      node('last', 'linear', ['curved'], {}, { weight: 'w' })
    ]
    const tensors = new Map([['w', weight([2, 2], [1, 2, -3, 1])]])
    using model = await Model.create({
      name: 'curved',
      graph: { inputShape: [null, 2], nodes, output: 'last' },
      tensors
    })
    const found = await checkExplanation(model, { data: Float32Array.of(1, 2), shape: [1, 2] }, { rule: 'epsilon' })
    expect(found).toMatchObject({ gradient: null, unequal: 'curved' })
  })

  /** Batch norms after sums cannot be folded; under epsilon they pass relevance on as it is (cases.md G). */
  test('of batch norms that cannot be folded calls the map under epsilon untrustworthy, under auto not', async () => {
    const width = 16
    const nodes = [node('stem', 'conv2d', ['input'], { padding: 1 }, { weight: 'stem' })]
    const tensors = new Map([['stem', weight([width, 3, 3, 3], random([width, 3, 3, 3], 0.3))]])
    let last = 'stem'
    for (let i = 0; i < 12; i++) {
      const own = (role: string): string => `${i}.${role}`
      const one = (scale: number, shift: number) =>
        weight(
          [width],
          random([width], scale).map((value, at) => value * Math.cos(i + at) + shift)
        )
      tensors.set(own('weight'), one(0.3, 1)).set(own('bias'), one(3, 0))
      tensors.set(own('mean'), one(0.5, 0)).set(own('var'), one(0.3, 1))
      tensors.set(own('conv'), weight([width, width, 3, 3], random([width, width, 3, 3], 0.1)))
      const roles = { weight: own('weight'), bias: own('bias'), running_mean: own('mean'), running_var: own('var') }
      nodes.push(
        node(own('norm'), 'batch_norm', [last], {}, roles),
        node(own('relu'), 'relu', [own('norm')]),
        node(own('layer'), 'conv2d', [own('relu')], { padding: 1 }, { weight: own('conv') }),
        node(own('sum'), 'add', [last, own('layer')])
      )
      last = own('sum')
    }
    nodes.push(node('pool', 'mean', [last], { dim: [2, 3] }), node('fc', 'linear', ['pool'], {}, { weight: 'fc' }))
    tensors.set('fc', weight([5, width], random([5, width])))
    using model = await Model.create({
      name: 'norms',
      graph: { inputShape: [null, 3, 8, 8], nodes, output: 'fc' },
      tensors
    })
    const input: Tensor = { data: random([2, 3, 8, 8]), shape: [2, 3, 8, 8] }
    const [epsilon, auto] = [
      await checkExplanation(model, input, { rule: 'epsilon' }),
      await checkExplanation(model, input)
    ]
    expect(epsilon.verdict).toBe('untrustworthy')
    expect(epsilon.magnitude).toBeGreaterThan(TRUST_LIMITS.magnitude[1])
    expect(auto.magnitude).toBeLessThan(epsilon.magnitude / 10)
  })
})

describeShared('a check of the real ResNet-20', () => {
  test('calls the map under epsilon-plus trustworthy', async () => {
    const file = shared('models', 'resnet20-12fca82f.th')
    using model = await Model.load(file, { architecture: 'resnet20', preprocess: 'cifar' })
    const input = floats((await readSafetensors(shared('models', 'resnet20.expected.safetensors'))).get('input')!)
    const found = await checkExplanation(model, input, { composite: 'epsilon-plus' })
    expect({ ...found, sentence: '' }).toMatchObject({ verdict: 'trustworthy' })
  })
})
