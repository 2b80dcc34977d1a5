import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { commandText } from '../../src/core/command-line.js'
import { writeNpy } from '../../src/core/npy.js'
import { evaluate } from '../../src/evaluate/evaluate.js'
import { explain } from '../../src/explain/explain.js'
import { predictionOf, predictionText } from '../../src/explain/targets/describe.js'
import { inspectModel } from '../../src/explain/inspect-model.js'
import { explainToFiles } from '../../src/explain/to-files.js'
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
  expect(() => withHead(graph, 2)).toThrow('must be an output from 0 to 1 or the name of a layer')
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

test('numbers of a layer are units without probabilities; logits before a final activation are classes', async () => {
  const model = await make()
  const kinds = await Promise.all(['kind', 'size', 'classes', 'block', 'block.fc'].map((head) => model.head(head)))
  expect(kinds.map((one) => one.isInner)).toEqual([false, false, false, true, true])
  const block = kinds[3]!
  expect([block.outputKind(2), block.outputNoun, block.givesValues]).toEqual(['units', 'unit', true])
  const found = await explain(block, input, epsilon)
  const said = predictionOf(block, found, 0)
  expect(said).toEqual({ strongest: 1, value: 4 })
  expect(predictionText(said, [4])).toBe('strongest unit 1 (4.000)')
  await expect(explain(block, input, { ...epsilon, start: 'probability' })).rejects.toThrow(
    'a layer has no probability: use the start logit (its value) or one'
  )
  const { scores } = await explain(block, input, { ...epsilon, against: 0 })
  expect(scores[0]).toBeCloseTo(3, 5)
})

test('a layer whose output is given a task or names of classes has classes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lrp-layer-'))
  await (await make()).save(folder)
  using layer = await Model.load(folder, { head: 'block' })
  using named = await Model.load(folder, { head: 'block', task: 'classes' })
  expect([layer.isInner, named.isInner]).toEqual([true, false])
  const again = join(folder, 'again')
  await layer.save(again)
  using saved = await Model.load(again)
  expect(saved.outputKind(2)).toBe('units')
})

test('names of classes are those of the chosen output, which the error names', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lrp-names-'))
  await (await make()).save(folder)
  const classes = join(folder, 'names.txt')
  writeFileSync(classes, 'a\nb\nc\n')
  await expect(Model.load(folder, { head: 'size', classes })).rejects.toThrow(
    "names.txt contains 3 class names, but the output 'size' of two has 1 number"
  )
})

test('results record the output that was chosen, so that their command repeats them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lrp-recorded-'))
  await (await make()).save(folder)
  await writeNpy(join(folder, 'x.npy'), input)
  using model = await Model.load(folder, { head: 'block' })
  const run = { input: [join(folder, 'x.npy')], output: join(folder, 'out') }
  const { summary } = await explainToFiles(model, { ...run, rule: 'epsilon', format: ['npy'] })
  expect(commandText('explain', 'two', summary.settings)).toContain('--head block ')
  const { asked } = await evaluate(model, { ...run, methods: ['epsilon'], metrics: ['abc'] })
  expect(asked).toMatchObject({ head: 'block', rules: 'epsilon' })
})
