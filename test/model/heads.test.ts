import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import { inspectModel } from '../../src/explain/inspect-model.js'
import { withHead } from '../../src/model/heads.js'
import { Model } from '../../src/model/model.js'
import { node, weight } from '../models.js'

const models: Model[] = []
afterAll(() => models.forEach((model) => model.dispose()))

/** Two heads over one block: classes, which end in a softmax, and a value. */
const graph = {
  inputShape: [null, 2],
  nodes: [
    node('block.fc', 'linear', ['input'], {}, { weight: 'w' }),
    node('block.relu', 'relu', ['block.fc']),
    node('classes', 'linear', ['block.relu'], {}, { weight: 'c' }),
    node('softmax', 'softmax', ['classes'], { dim: 1 }),
    node('value', 'linear', ['block.relu'], {}, { weight: 'v' })
  ],
  output: 'softmax',
  outputs: ['softmax', 'value'],
  outputNames: ['kind', 'size']
}
const parts = {
  name: 'two',
  graph,
  tensors: new Map([
    ['w', weight([2, 2], [1, 0, 0, 2])],
    ['c', weight([2, 2], [1, 1, 2, 0])],
    ['v', weight([1, 2], [3, -1])]
  ]),
  classes: ['a', 'b']
}
const make = async (): Promise<Model> => {
  const model = await Model.create(parts, 'cpu')
  models.push(model)
  return model
}
const input = { data: Float32Array.of(1, 2), shape: [1, 2] }
const epsilon = { rule: 'epsilon', epsilon: 1e-9 } as const

test('the first output is explained, without what only the others need', async () => {
  const model = await make()
  expect(model.graph.nodes.map(({ name }) => name)).toEqual(['block.fc', 'block.relu', 'classes'])
  expect([...(await model.forward(input)).data]).toEqual([5, 2])
  expect(model.removed).toEqual({ node: 'softmax', kind: 'softmax' })
  expect((await inspectModel(model)).nodes).toHaveLength(3)
})

test.each([
  [1, 'value', [3 - 4]],
  ['size', 'value', [3 - 4]],
  ['kind', 'classes', [5, 2]],
  ['block', 'block.relu', [1, 4]],
  ['block.fc', 'block.fc', [1, 4]]
])('the output %p is the node %s', async (head, name, values) => {
  const other = await (await make()).head(head)
  expect(other.graph.output).toBe(name)
  expect([...(await other.forward(input)).data]).toEqual(values)
  expect(other.classes).toEqual(head === 'kind' ? ['a', 'b'] : undefined)
})

test('an explanation names it, and a model is loaded with it', async () => {
  const model = await make()
  const { relevance, logits } = await explain(model, input, { ...epsilon, target: { head: 'size' } })
  expect([...relevance.data]).toEqual([3, -4])
  expect([...logits.data]).toEqual([-1])
  const hidden = await explain(model, input, { ...epsilon, target: { head: 'block', class: 1 } })
  expect([...hidden.relevance.data]).toEqual([0, 4])
  const folder = join(mkdtempSync(join(tmpdir(), 'heads-')), 'model')
  await model.save(folder)
  using loaded = await Model.load(folder, { device: 'cpu', head: 'size' })
  expect([...(await loaded.forward(input)).data]).toEqual([-1])
  expect([...loaded.parameterShapes.keys()].sort()).toEqual(['v', 'w'])
  using whole = await Model.load(folder, { device: 'cpu' })
  expect([...(await (await whole.head(1)).forward(input)).data]).toEqual([-1])
})

test('an output that does not exist is refused with the nearest', async () => {
  expect(() => withHead(graph, 2)).toThrow('the network has the outputs 0 to 1')
  expect(() => withHead(graph, 'sise')).toThrow("'size'")
  const model = await make()
  await expect(model.head('block.bn')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})

test('it is disposed of with its model', async () => {
  const model = await make()
  const other = await model.head(1)
  model.dispose()
  await new Promise((done) => setImmediate(done))
  await expect(other.forward(input)).rejects.toMatchObject({ code: 'DISPOSED' })
})
