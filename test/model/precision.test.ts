import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import { METHODS } from '../../src/explain/methods.js'
import { buildArchitecture } from '../../src/model/architectures/index.js'
import { initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'
import type { ModelParts, Precision } from '../../src/core/graph.js'
import { native } from '../../src/native/addon.js'
import type { Tensor } from '../../src/core/tensor.js'
import { relativeError } from '../shared.js'

jest.setTimeout(300_000)

const input: Tensor = {
  data: Float32Array.from({ length: 2 * 3 * 32 * 32 }, (_, i) => Math.sin(i * i * 0.37)),
  shape: [2, 3, 32, 32]
}

const { computesBf16 } = native().testing
const inBf16 = computesBf16 ? test : test.skip
const PRECISIONS: Precision[] = ['fp32', 'fp64', ...(computesBf16 ? (['bf16'] as const) : [])]

async function partsOf(name: string): Promise<ModelParts> {
  return initialise(buildArchitecture(name, { classes: 4, imageShape: [3, 32, 32] }), 3)
}

describe('a sum that float32 cannot hold', () => {
  // 1 + 1e-9 - 1
  const weights = Float32Array.of(1, 1e-9, -1)
  const nodes = [{ name: 'w', op: 'linear', inputs: ['input'], attributes: {}, parameters: { weight: 'w' } }]
  const tensors = new Map([['w', { dtype: 'f32' as const, shape: [1, 3], data: new Uint8Array(weights.buffer) }]])
  test.each([
    ['fp32', 0],
    ['fp64', 1e-9]
  ] as const)('%s', async (precision, expected) => {
    const parts = { name: 'sum', graph: { inputShape: [null, 3], nodes, output: 'w' }, tensors }
    using model = await Model.create(parts, 'cpu', precision)
    const { data } = await model.forward({ data: Float32Array.of(1, 1, 1), shape: [1, 3] })
    expect(data[0]).toBeCloseTo(expected, 12)
    expect(model.precision).toBe(precision)
  })
})

describe.each(['resnet20', 'mobilenet_v3_small', 'vit_b_16'])('%s', (name) => {
  const models = new Map<Precision, Model>()
  beforeAll(async () => {
    const parts = await partsOf(name)
    for (const precision of PRECISIONS) models.set(precision, await Model.create(parts, 'cpu', precision))
  })
  afterAll(() => models.forEach((model) => model.dispose()))

  inBf16('logits in fp64 are those of float32, but for rounding, and other than those of bf16', async () => {
    const [single, double, half] = await Promise.all(
      (['fp32', 'fp64', 'bf16'] as const).map((precision) => models.get(precision)!.forward(input))
    )
    expect(relativeError(single!, double!)).toBeLessThan(1e-4)
    expect(relativeError(half!, double!)).toBeGreaterThan(1e-4)
    expect(relativeError(half!, double!)).toBeLessThan(0.2)
  })

  inBf16('maps in every precision', async () => {
    const [single, double, half] = await Promise.all(
      (['fp32', 'fp64', 'bf16'] as const).map((precision) => explain(models.get(precision)!, input, { target: 1 }))
    )
    expect(relativeError(single!.relevance, double!.relevance)).toBeLessThan(1e-3)
    expect(relativeError(half!.relevance, double!.relevance)).toBeLessThan(0.5)
    expect(Array.from(single!.relevance.data)).not.toEqual(Array.from(double!.relevance.data))
  })
})

test.each(METHODS)('%s computes in every precision', async (method) => {
  const parts = await partsOf(['attention-rollout', 'chefer'].includes(method) ? 'vit_b_16' : 'resnet20')
  const options = { method, target: 0, ...(method === 'occlusion' && { window: 16 }) }
  const maps = new Map<Precision, Tensor>()
  for (const precision of PRECISIONS) {
    using model = await Model.create(parts, 'cpu', precision)
    maps.set(precision, (await explain(model, input, options)).relevance)
  }
  expect(relativeError(maps.get('fp64')!, maps.get('fp32')!)).toBeLessThan(1e-3)
  if (computesBf16) expect(relativeError(maps.get('bf16')!, maps.get('fp32')!)).toBeLessThan(0.5)
})

test.each(['fp16', 'tf32'] as const)('%s needs a GPU', async (precision) => {
  const parts = await partsOf('resnet20')
  await expect(Model.create(parts, 'cpu', precision)).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: `precision ${precision} needs a CUDA device: use fp32, fp64 or bf16 on the CPU`
  })
})
