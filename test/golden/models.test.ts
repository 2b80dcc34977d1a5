import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { explain, type ExplainOptions } from '../../src/explain/explain.js'
import { Model } from '../../src/model/model.js'
import type { StateDict } from '../../src/tensor.js'
import { describeShared, floats, goldenModel, relativeError, shared, values } from '../shared.js'

const COMPOSITES: Record<string, ExplainOptions> = {
  epsilon: { rule: 'epsilon' },
  'epsilon-0.25': { rule: 'epsilon', epsilon: 0.25 },
  'gamma-0.25': { rule: 'gamma' },
  alpha1beta0: { rule: 'alpha1beta0' },
  alpha2beta1: { rule: 'alpha2beta1' },
  zplus: { rule: 'zplus' },
  'epsilon-plus': { composite: 'epsilon-plus' },
  'epsilon-plus-flat': { composite: 'epsilon-plus-flat' },
  'epsilon-alpha2beta1': { composite: 'epsilon-alpha2beta1' },
  'epsilon-alpha2beta1-flat': { composite: 'epsilon-alpha2beta1-flat' },
  'epsilon-gamma-box': { composite: 'epsilon-gamma-box', low: -3, high: 3 },
  'excitation-backprop': { composite: 'excitation-backprop' },
  'guided-backprop': { composite: 'guided-backprop' },
  deconvnet: { composite: 'deconvnet' },
  gradient: { method: 'gradient' },
  'input-x-gradient': { method: 'input-x-gradient' },
  'integrated-gradients': { method: 'integrated-gradients', steps: 20 }
}

interface Wanted {
  tensor: string
  options: ExplainOptions
  layer?: string
  tolerance: number
}

/** What a tensor of the reference values stands for; undefined for captum's, whose rules differ by design. */
function wantedOf(tensor: string, tensors: StateDict, batchNorm: boolean): Wanted | undefined {
  const targets = Array.from(values(tensors.get('target')!))
  const byName = /^(?:(relevance|folded)\.)?(.+)$/.exec(tensor)!
  const composite = Object.keys(COMPOSITES)
    .filter((name) => byName[2] === name || byName[2]!.startsWith(`${name}.`))
    .sort((a, b) => b.length - a.length)[0]
  if (composite && (byName[1] || /^(gradient|input-x-gradient|integrated-gradients)$/.test(tensor))) {
    const layer = byName[2] === composite ? undefined : byName[2]!.slice(composite.length + 1)
    const exact = byName[1] === 'folded' || !batchNorm
    const tolerance = layer ? (batchNorm ? 1e-3 : 2e-4) : exact ? 1e-4 : 3e-4
    return { tensor, layer, tolerance, options: { ...COMPOSITES[composite], targets, layers: layer ? [layer] : [] } }
  }
  const oneClass = /^class(\d)\.epsilon$/.exec(tensor)
  if (oneClass) return { tensor, tolerance: 1e-4, options: { rule: 'epsilon', target: Number(oneClass[1]) } }
  if (tensor === 'other-target.epsilon') {
    return {
      tensor,
      tolerance: 1e-4,
      options: { rule: 'epsilon', targets: Array.from(values(tensors.get('other-target.target')!)) }
    }
  }
  return undefined
}

describeShared('models of the reference values, built from layers', () => {
  describe.each(readdirSync(shared('golden', 'models')))('%s', (name) => {
    let model: Model
    let tensors: StateDict
    let batchNorm = false
    beforeAll(async () => {
      const golden = await goldenModel(shared('golden', 'models', name))
      tensors = golden.tensors
      batchNorm = golden.graph.nodes.some((node) => node.op === 'batch_norm')
      model = await Model.create({ name, graph: golden.graph, tensors: golden.weights })
    })
    afterAll(() => model.dispose())

    test('logits', async () => {
      const logits = await model.forward(floats(tensors.get('input')!))
      expect(relativeError(logits, tensors.get('logits')!)).toBeLessThan(1e-5)
    })

    test('every composite, class and layer that is there', async () => {
      const input = floats(tensors.get('input')!)
      const wrong: string[] = []
      let compared = 0
      for (const tensor of tensors.keys()) {
        const wanted = wantedOf(tensor, tensors, batchNorm)
        if (!wanted) continue
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
