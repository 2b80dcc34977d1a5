import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import type { GraphNode } from '../../src/core/graph.js'
import { probabilities } from '../../src/core/logits.js'
import { explainDecision } from '../../src/explain/decision.js'
import { explain } from '../../src/explain/explain.js'
import { summarise, summarisePass } from '../../src/explain/summary.js'
import { inspectModel } from '../../src/explain/inspect-model.js'
import { Model } from '../../src/model/model.js'
import { provenanceOf } from '../../src/model/provenance.js'
import { node, weight } from '../models.js'

const models: Model[] = []
afterAll(() => models.forEach((model) => model.dispose()))

/** A linear layer without biases, and what follows it. */
async function ending(rows: number[][], after: GraphNode[], task?: 'regression', classes?: string[]): Promise<Model> {
  const nodes = [node('fc', 'linear', ['input'], {}, { weight: 'w' }), ...after]
  const shape = [rows.length, rows[0]!.length]
  const tensors = new Map([['w', weight(shape, rows.flat())]])
  const graph = { inputShape: [null, shape[1]!], nodes, output: nodes.at(-1)!.name }
  const model = await Model.create({ name: 'small', graph, tensors, task, classes }, 'cpu')
  models.push(model)
  return model
}

const image = (...values: number[]) => ({ data: Float32Array.from(values), shape: [1, values.length] })
const epsilon = { rule: 'epsilon', epsilon: 1e-9 } as const
const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z))

async function confidence(model: Model, input: ReturnType<typeof image>): Promise<number | undefined> {
  const explanation = await explain(model, input, { ...epsilon, conservation: true })
  return summarisePass(model, { input, names: ['0'] }, explanation, 0).images[0]!.confidence
}

describe('a single logit (A3)', () => {
  const difference = { ...epsilon, against: 'runner-up' } as const

  test.each([[[]], [[node('p', 'sigmoid', ['fc'])]]])('its difference is to the logit 0', async (after) => {
    const model = await ending([[1, -1]], after)
    const { relevance, conservationError } = await explain(model, image(1, 3), difference)
    expect([...relevance.data]).toEqual([1, -3])
    expect(conservationError[0]).toBeLessThan(1e-6)
    expect(model.outputKind(1)).toBe('binary')
  })

  test('its first class is explained by its name or number: the same map with its sign turned round', async () => {
    const model = await ending([[1, -1]], [], undefined, ['no', 'yes'])
    const of = (target?: string | number | number[]) => explain(model, image(1, 3), { ...epsilon, target })
    for (const target of ['no', 0]) {
      const first = await of(target)
      expect([...first.relevance.data]).toEqual([-1, 3])
      expect([...first.targets, ...first.scores]).toEqual([0, 2])
    }
    for (const target of ['yes', 1, undefined]) expect([...(await of(target)).relevance.data]).toEqual([1, -3])
    const note = 'the single logit belongs to class yes: if no is predicted, pass --target no to explain the prediction'
    expect((await of()).warnings).toContain(note)
    expect((await of('yes')).warnings).not.toContain(note)
    expect([...(await of('all')).targets]).toEqual([0, 1])
    await expect(of(2)).rejects.toThrow('target 2 does not exist: the model has classes 0 to 1')
    const { sums } = await explain(model, image(1, 3), { ...epsilon, target: 'no', start: 'softmax-gradient' })
    expect(sums[0]).toBeCloseTo(-sigmoid(-2), 6) // of the class 'yes', as everywhere
    expect([...(await explainDecision(model, image(1, 3), epsilon)).targets]).toEqual([0])
    expect([...(await explainDecision(model, image(3, 1), epsilon)).targets]).toEqual([1])
  })

  test('its probability is its sigmoid', async () => {
    const model = await ending([[1, -1]], [])
    const { sums, conservationError } = await explain(model, image(1, 3), { ...epsilon, start: 'probability' })
    expect(sums[0]).toBeCloseTo(sigmoid(-2), 6)
    expect(conservationError[0]).toBeLessThan(1e-6)
  })
})

describe('sigmoids at the end (A4)', () => {
  test('are left out: relevance starts from the logit', async () => {
    const model = await ending([[-1, 1], [2, 1], [-1, -1]], [node('p', 'sigmoid', ['fc'])]) // prettier-ignore
    const { relevance, logits, conservationError } = await explain(model, image(2, 1), { ...epsilon, target: 0 })
    expect([...relevance.data]).toEqual([-2, 1])
    expect([...logits.data]).toEqual([-1, 5, -3])
    expect(conservationError[0]).toBeLessThan(1e-6)
    expect(model.removed).toEqual({ node: 'p', kind: 'sigmoid' })
  })

  test('are independent classes', async () => {
    const model = await ending([[-1, 1], [2, 1], [2, 2]], [node('p', 'aten::sigmoid', ['fc'])]) // prettier-ignore
    expect(model.outputKind(3)).toBe('multilabel')
    expect(await confidence(model, image(2, 1))).toBeCloseTo(sigmoid(6), 9)
    const { sums, conservationError } = await explain(model, image(2, 1), {
      ...epsilon,
      start: 'probability',
      target: 'all'
    })
    ;[-1, 5, 6].forEach((logit, i) => expect(sums[i]).toBeCloseTo(sigmoid(logit), 6))
    expect(Math.max(...conservationError)).toBeLessThan(1e-5)
    await expect(explain(model, image(2, 1), { against: 'runner-up' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT'
    })
  })

  test('stay where they give values', async () => {
    const model = await ending([[-1, 1]], [node('p', 'sigmoid', ['fc'])], 'regression')
    expect(model.removed).toBeUndefined()
    expect(model.outputKind(1)).toBe('values')
    expect((await model.forward(image(2, 1))).data[0]).toBeCloseTo(sigmoid(-1), 6)
  })

  test('are remembered by a saved model', async () => {
    const model = await ending([[-1, 1], [2, 1]], [node('p', 'sigmoid', ['fc'])]) // prettier-ignore
    const folder = join(mkdtempSync(join(tmpdir(), 'outputs-')), 'model')
    await model.save(folder)
    using loaded = await Model.load(folder, { device: 'cpu' })
    expect(loaded.outputKind(2)).toBe('multilabel')
    using other = await Model.load(folder, { device: 'cpu', task: 'classes' })
    expect(other.outputKind(2)).toBe('classes')
  })
})

describe('a softmax at the end (A5)', () => {
  const wide = node('wide', 'reshape', ['fc'], { shape: [0, 2, 1, 1] })
  const flat = node('flat', 'flatten', ['p'])
  const cases: [string, GraphNode[]][] = [
    ['alone', [node('p', 'softmax', ['fc'], { dim: 1 })]],
    ['aten', [node('p', 'aten::_softmax', ['fc'], { dim: -1, half_to_float: false })]],
    ['before flatten', [wide, node('p', 'softmax', ['wide'], { dim: 1 }), flat]],
    ['before reshape', [node('p', 'softmax', ['fc'], { dim: 1 }), node('end', 'reshape', ['p'], { shape: [0, 2] })]],
    [
      'before squeezes',
      [
        wide,
        node('p', 'log_softmax', ['wide'], { dim: -3 }),
        node('s', 'squeeze', ['p'], { dim: 3 }),
        node('end', 'squeeze', ['s'], { dim: 2 })
      ]
    ],
    [
      'before a logarithm and a reshape',
      [
        node('p', 'softmax', ['fc'], { dim: 1 }),
        node('log', 'aten::log', ['p'], { arguments: ['self'] }),
        node('end', 'reshape', ['log'], { shape: [0, 2] })
      ]
    ],
    [
      'before a cast',
      [node('p', 'aten::softmax.int', ['fc'], { dim: 1 }), node('end', 'aten::to.dtype', ['p'], { dtype: 'float32' })]
    ]
  ]

  test.each(cases)('%s is left out', async (_, after) => {
    const model = await ending([[-1, 1], [2, 1]], after) // prettier-ignore
    const explanation = await explain(model, image(2, 1), { ...epsilon, target: 0 })
    expect([...explanation.logits.data]).toEqual([-1, 5])
    expect([...explanation.relevance.data]).toEqual([-2, 1])
    expect(await confidence(model, image(2, 1))).toBeCloseTo(probabilities({ data: Float32Array.of(-1, 5), shape: [1, 2] })[1]!, 9) // prettier-ignore
    const removed = { node: 'p', kind: 'softmax' }
    expect(await inspectModel(model)).toMatchObject({ removed, outputKind: 'classes' })
    const batch = { input: image(2, 1), names: ['0'] }
    expect(
      summarise(
        model,
        explanation,
        [{ ...summarisePass(model, batch, explanation, 0), files: [] }],
        {} as never,
        await provenanceOf(model)
      )
    ).toMatchObject({ removed })
  })

  test('in another form stays, and a warning says so', async () => {
    const model = await ending([[-1, 1], [2, 1]], [
      node('e', 'aten::exp', ['fc'], { arguments: ['self'] }),
      node('s', 'sum', ['e'], { dim: [1], keepdim: true }),
      node('p', 'div', ['e', 's'])
    ]) // prettier-ignore
    const { warnings } = await explain(model, image(2, 1), { method: 'gradient' })
    expect(warnings).toEqual([expect.stringMatching(/^the outputs add up to 1 like probabilities/)])
    const plain = await ending([[-1, 1], [2, 1]], []) // prettier-ignore
    expect((await explain(plain, image(2, 1), epsilon)).warnings).toEqual([])
  })

  test('over a part of the outputs stays', async () => {
    const rows = [[-1, 1], [2, 1], [1, 1], [0, 1]] // prettier-ignore
    const pairs = node('pairs', 'reshape', ['fc'], { shape: [0, 2, 2] })
    const model = await ending(rows, [pairs, node('p', 'softmax', ['pairs'], { dim: 2 }), flat])
    expect(model.removed).toBeUndefined()
  })

  test('of a softmax stays: there are no logits behind it', async () => {
    const [first, second] = [node('p', 'softmax', ['fc'], { dim: 1 }), node('q', 'softmax', ['flat'], { dim: 1 })]
    const model = await ending([[1, 0], [0, 1]], [first, node('flat', 'flatten', ['p']), second]) // prettier-ignore
    expect(model.removed).toBeUndefined()
    const { data } = await model.forward(image(1, 2))
    expect(data[0]).toBeCloseTo(sigmoid(sigmoid(-1) - sigmoid(1)), 6)
  })
})
