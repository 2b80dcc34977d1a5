import { existsSync, readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import { Model } from '../../src/model/model.js'
import type { StateDict } from '../../src/core/tensor.js'
import { wantedOf } from './expected.js'
import { describeShared, floats, goldenModel, relativeError, shared, values } from '../shared.js'

jest.setTimeout(600_000)

const folder = shared('golden', 'models')
/** Where they are absent one name stands for all, so that something is skipped. */
const MODELS = existsSync(folder) ? readdirSync(folder) : ['reference values']

interface Source {
  name: string
  /** A model file, or nothing: the layers of the reference with their state dict. */
  file?: string
}

const SOURCES: Source[] = MODELS.flatMap((name) => [
  { name },
  ...['model.pt2', 'model.onnx', 'model.unoptimised.onnx']
    .filter((file) => existsSync(shared('golden', 'models', name, file)))
    .map((file) => ({ name, file }))
])

async function build({ name, file }: Source): Promise<Model> {
  if (file) return Model.load(shared('golden', 'models', name, file))
  const { graph, weights } = await goldenModel(shared('golden', 'models', name))
  return Model.create({ name, graph, tensors: weights })
}

describeShared('models of the reference values', () => {
  describe.each(SOURCES)('$name $file', (source) => {
    let model: Model
    let tensors: StateDict
    let batchNorm = false
    beforeAll(async () => {
      const golden = await goldenModel(shared('golden', 'models', source.name))
      tensors = golden.tensors
      batchNorm = golden.graph.nodes.some((node) => node.op === 'batch_norm')
      model = await build(source)
    })
    afterAll(() => model.dispose())

    test('logits', async () => {
      const logits = await model.forward(floats(tensors.get('input')!))
      expect(relativeError(logits, tensors.get('logits')!)).toBeLessThan(1e-5)
    })

    test('every composite, class and layer that is there', async () => {
      const input = floats(tensors.get('input')!)
      const wrong: string[] = []
      const layers = new Set(model.graph.nodes.map((node) => node.name))
      let compared = 0
      for (const tensor of tensors.keys()) {
        const wanted = wantedOf(tensor, tensors, batchNorm)
        if (!wanted) continue
        // files name the steps without weights in their own way
        if (source.file && wanted.layer && !layers.has(wanted.layer)) continue
        const result = await explain(model, input, wanted.options)
        const found = wanted.layer ? result.layers[wanted.layer]! : result.relevance
        const error = relativeError(found, tensors.get(tensor)!)
        compared++
        if (!(error < wanted.tolerance)) wrong.push(`${tensor}: ${error}`)
      }
      expect(wrong).toEqual([])
      expect(compared).toBeGreaterThanOrEqual(17)
    })

    test('one image alone gives the map it has in the batch', async () => {
      const input = floats(tensors.get('input')!)
      const size = input.data.length / input.shape[0]!
      const all = await explain(model, input, { composite: 'epsilon-plus' })
      const one = await explain(
        model,
        { data: input.data.slice(size, 2 * size), shape: [1, ...input.shape.slice(1)] },
        { composite: 'epsilon-plus' }
      )
      const expected = { data: all.relevance.data.slice(size, 2 * size), shape: one.relevance.shape }
      expect(relativeError(one.relevance, expected)).toBeLessThan(1e-4)
    })
  })

  test('relevance of two targets may start together', async () => {
    const { graph, weights, tensors } = await goldenModel(shared('golden', 'models', 'mlp'))
    const model = await Model.create({ name: 'mlp', graph, tensors: weights })
    const input = floats(tensors.get('input')!)
    const pairs = Array.from(values(tensors.get('two-targets.target')!))
    const size = input.data.length / input.shape[0]!
    for (let i = 0; i < input.shape[0]!; i++) {
      const image = { data: input.data.slice(i * size, (i + 1) * size), shape: [1, ...input.shape.slice(1)] }
      const { relevance } = await explain(model, image, {
        rule: 'epsilon',
        target: pairs.slice(2 * i, 2 * i + 2),
        together: true
      })
      const expected = floats(tensors.get('two-targets.epsilon')!).data.slice(i * size, (i + 1) * size)
      expect(relativeError(relevance, { data: expected, shape: [size] })).toBeLessThan(1e-4)
    }
    model.dispose()
  })
})
