import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import type { ExplainOptions } from '../../src/explain/options.js'
import { namedMethod } from '../../src/explain/named-method.js'
import { Model } from '../../src/model/model.js'
import { GraphBuilder, initialise } from '../../src/model/builder.js'
import { packageRoot } from '../../src/core/paths.js'
import type { Tensor } from '../../src/core/tensor.js'
import { describeRule } from '../../src/explain/summary.js'
import { ruleParameters } from '../../src/rules/options.js'
import { readComposite } from '../../src/rules/choose.js'
import type { DataRule } from '../../src/rules/data-rule.js'
import type { LrpError } from '../../src/core/errors.js'
import { choicesFor } from '../../src/serve/choices.js'
import { sequentialModel, weight } from '../models.js'
import { describeShared, floats, goldenModel, relativeError, shared } from '../shared.js'

const fileOf = (name: string): string => join(packageRoot, 'examples', 'rules', `${name}.json`)
const read = (name: string): DataRule => JSON.parse(readFileSync(fileOf(name), 'utf8')) as DataRule

async function network(): Promise<Model> {
  const b = new GraphBuilder([2, 9, 9])
  const first = b.add('relu', 'relu', [b.convolution('first', 'input', 6, 3, { padding: 1 })])
  const second = b.convolution('second', first, 6, 3, { stride: 2 }) // read by gelu: outputs of both signs count
  const third = b.add('relu3', 'relu', [b.convolution('third', b.add('gelu', 'gelu', [second]), 8, 3, { groups: 2 })])
  const flat = b.add('flatten', 'flatten', [third], { start_dim: 1, end_dim: -1 })
  return Model.create(await initialise(b.finish('test', b.linear('last', flat, 4)), 3))
}

function images(): Tensor {
  let state = 5
  const next = (): number => (state = (state * 48271) % 2147483647) / 2147483647
  return { data: Float32Array.from({ length: 3 * 162 }, () => next() * 2 - 1), shape: [3, 2, 9, 9] }
}

describe('rules written as data equal the built-in ones', () => {
  test.each([
    ['epsilon', {}],
    ['epsilon', { epsilon: 0.1, stabiliser: 'plain' }],
    ['zplus', {}],
    ['alphabeta', {}],
    ['alphabeta', { alpha: 1.5, beta: 0.5, ignoreBias: true }],
    ['gamma', { gamma: 0.3 }],
    ['gamma', { ignoreBias: true }],
    ['wsquare', {}],
    ['flat', {}],
    ['zbox', { low: -1, high: [1, 2] }]
  ] as [string, ExplainOptions][])('%s %j', async (name, settings) => {
    const model = await network()
    // zbox is for the first layer alone
    const layers = (rule: string): ExplainOptions => ({
      composite: {
        name: 'test',
        rules: rule.startsWith('my-') ? [read(rule)] : [],
        layers: [
          ...(name === 'zbox' ? [{ kind: 'weighted', position: 'first', rule } as const] : []),
          { kind: 'weighted', rule: name === 'zbox' ? 'epsilon' : rule }
        ]
      },
      ...settings
    })
    const target = [0, 3]
    const built = await explain(model, images(), { ...layers(name), target, conservation: true })
    const data = await explain(model, images(), { ...layers(`my-${name}`), target, conservation: true })
    expect(relativeError(data.relevance, built.relevance)).toBeLessThan(1e-6 * (name === 'gamma' ? 10 : 2))
    data.conservation.forEach((layer, i) => {
      const [ours, theirs] = [layer.absorbedByBias, built.conservation[i]!.absorbedByBias]
      const size = Math.max(...Array.from(built.conservation[i]!.arriving, Math.abs), 1e-3)
      ours.forEach((sum, j) => expect(Math.abs(sum - theirs[j]!) / size).toBeLessThan(1e-4))
    })
    model.dispose()
  })
})

test('shares by the squares of inputs and weights: x^2 W^2', async () => {
  const [x, weights] = [
    [0.5, -2, 1],
    [3, -0.5, 0, 1, 2, -1]
  ]
  const model = await sequentialModel(
    [null, 3],
    [['linear']],
    new Map([
      ['0.weight', weight([2, 3], weights)],
      ['0.bias', weight([2], [0, 0])]
    ])
  )
  const rule: DataRule = { name: 'squares', shares: [{ terms: [{ input: 'squared', weight: 'squared' }] }] }
  const input = { data: Float32Array.from(x), shape: [1, 3] }
  for (const target of [0, 1]) {
    const { relevance, logits } = await explain(model, input, { composite: rule, target })
    const shares = x.map((value, i) => (value * weights[3 * target + i]!) ** 2)
    const sum = shares.reduce((a, b) => a + b)
    relevance.data.forEach((found, i) => expect(found).toBeCloseTo((shares[i]! / sum) * logits.data[target]!, 5))
  }
  model.dispose()
})

describeShared("captum's gamma, a rule of its own", () => {
  test.each(['mlp', 'lenet'])('%s', async (name) => {
    const { graph, weights, tensors } = await goldenModel(shared('golden', 'models', name))
    const model = await Model.create({ name, graph, tensors: weights })
    const input = floats(tensors.get('input')!)
    const targets = Array.from(new BigInt64Array(tensors.get('target')!.data.slice().buffer), Number)
    for (const options of [{ rules: fileOf('captum-gamma') }, { composite: read('captum-gamma') }]) {
      const { relevance } = await explain(model, input, { ...options, targets })
      expect(relativeError(relevance, tensors.get('captum.gamma')!)).toBeLessThan(1e-4)
    }
    const noBias = { rules: fileOf('captum-gamma'), ignoreBias: true, targets }
    const { relevance } = await explain(model, input, noBias)
    expect(relativeError(relevance, tensors.get('captum.gamma-nobias')!)).toBeLessThan(1e-3)
    model.dispose()
  })
})

test('a file of rules is a method to compare, and a choice of serve with its parameters', async () => {
  const file = fileOf('captum-gamma')
  expect(namedMethod(file)).toEqual({ rules: file })
  const model = await network()
  const [choice] = await choicesFor(model, false, [file])
  expect(choice).toMatchObject({ name: file, kind: 'rules', parameters: { gamma: 0.25, epsilon: 1e-9 } })
  model.dispose()
})

const TWIN: DataRule = {
  name: 'twin',
  parameters: { plus: 0.5, alpha: 3, beta: 5 },
  shares: [
    { factor: 'alpha', terms: [{ weight: { all: 1, positive: 'plus' } }] },
    { factor: 'beta', terms: [{ factor: 0 }] }
  ]
}

test('parameters of any name are set as options and as flags, and serve has a slider for each', async () => {
  const model = await network()
  const asked = await explain(model, images(), { composite: TWIN, parameters: { plus: 0, alpha: -2 }, epsilon: 1e-3 })
  const plain = { name: 'plain', shares: [{ factor: -2, terms: [{}] }] }
  const wanted = await explain(model, images(), { composite: plain, epsilon: 1e-3 })
  expect(relativeError(asked.relevance, wanted.relevance)).toBe(0)
  expect(describeRule(asked.rules.find(({ node }) => node === 'first')!)).toMatch(
    /^twin\(epsilon=0.001, plus=0, alpha=-2/
  )
  await expect(explain(model, images(), { composite: TWIN, parameters: { minus: 1 } })).rejects.toThrow(
    "'twin' has no parameter 'minus'"
  )
  const { parameters } = ruleParameters.shape
  expect(parameters.meta()!.read!(['plus=0.5', 'alpha=-2'])).toEqual({ plus: 0.5, alpha: -2 })
  for (const text of ['plus', '=1', 'plus=x', 'plus='])
    expect(() => parameters.meta()!.read!([text])).toThrow(/must be NAME=NUMBER/)
  const folder = mkdtempSync(join(tmpdir(), 'lrp-rule-'))
  const file = join(folder, 'twin.json')
  writeFileSync(file, JSON.stringify(TWIN))
  const [choice] = await choicesFor(model, false, [file])
  expect(choice).toMatchObject({
    parameters: { epsilon: 1e-6, plus: 0.5, alpha: 3, beta: 5 },
    sliders: { plus: { min: 0, max: 1 } }
  })
  rmSync(folder, { recursive: true, force: true })
  model.dispose()
})

test.each<[object, string]>([
  [
    { name: 'mine', parameters: { gama: 0.1 }, shares: [{ terms: [{ weight: { all: 1, positive: '-gamma' } }] }] },
    "rule 'mine' uses the parameter 'gamma', which 'parameters' does not list (it lists gama)"
  ],
  [
    { name: 'mine', shares: [{ terms: [{}], denominator: [{ bias: { all: 'lift' } }] }] },
    "rule 'mine' uses the parameter 'lift', which 'parameters' does not list"
  ],
  [
    { name: 'mine', parameters: { lift: 1, epsilon: 0.1 }, shares: [{ factor: 'epsilon', terms: [{}] }] },
    "rule 'mine' has the parameter 'lift', which none of its shares uses"
  ],
  [
    { layers: [{ rule: 'zplus' }, { rule: 'gamma', parameters: { gama: 0.1 } }] },
    "layers[1]: rule 'gamma' has no parameter 'gama': did you mean 'gamma'?"
  ],
  [{ layers: [{ rule: 'gama' }] }, "layers[0]: there is no rule 'gama': did you mean 'gamma'?"],
  [{ layers: [{ rule: 'twin' }], rules: [TWIN, TWIN] }, "the rule 'twin' is defined twice"]
])('what is wrong in a file is said of the file: %j', async (content, sentence) => {
  const folder = mkdtempSync(join(tmpdir(), 'lrp-rule-'))
  const file = join(folder, 'mine.json')
  writeFileSync(file, JSON.stringify(content))
  await expect(readComposite(file)).rejects.toThrow(`${file}: ${sentence}`)
  rmSync(folder, { recursive: true, force: true })
})

test('a name that does not exist is said of its option', async () => {
  const model = await network()
  const optionOf = (options: object): Promise<unknown> =>
    explain(model, images(), options as ExplainOptions).catch((error: LrpError) => error.option)
  expect(await optionOf({ rule: 'gama' })).toBe('rule')
  expect(await optionOf({ composite: 'gama' })).toBe('composite')
  expect(await optionOf({ gama: 1 })).toBe('gama')
  expect(await optionOf({ target: 'cat' })).toBe('target')
  model.dispose()
})

test('a rule alone must not have the name of a built-in one', async () => {
  const model = await network()
  await expect(explain(model, images(), { composite: { ...TWIN, name: 'gamma' } })).rejects.toThrow(
    "the composite: 'gamma' is a built-in rule: choose another name"
  )
  model.dispose()
})

test('rules for the input are for the first layer, and the result says so', async () => {
  const model = await network()
  for (const options of [{ rule: 'zbox' }, { composite: read('my-zbox') }]) {
    const box = { low: [-1, -1], high: 1 }
    const { name, rules, relevance } = await explain(model, images(), { ...options, ...box })
    expect(name).toMatch(/^(my-)?zbox at the first layer, alpha1beta0 above$/)
    const weighted = rules.filter(({ node }) => ['first', 'second', 'third', 'last'].includes(node))
    expect(weighted.slice(1).map(({ rule }) => rule)).toEqual(['alphabeta', 'alphabeta', 'alphabeta'])
    const same = await explain(model, images(), { composite: 'deep-taylor', ...box })
    expect(relativeError(relevance, same.relevance)).toBeLessThan(2e-6)
  }
  model.dispose()
})

test.each([
  [{ name: 'epsilon', shares: [{ terms: [{}] }] }, /'epsilon' is a built-in rule/],
  [{ name: 'a', shares: [{ terms: [{ weight: { all: 'gama' } }] }], parameters: { gamma: 1 } }, /'gama'.*gamma/],
  [{ name: 'a', shares: [{ terms: [{ input: 'some' }] }] }, /input/],
  [{ name: 'a', shares: [{ terms: [{ input: 'low' }] }] }, /the rule a needs the lowest and the highest input value/]
])('%j is refused by name', async (rule, message) => {
  const model = await network()
  const composite = { name: 'test', rules: [rule], layers: [{ kind: 'weighted', rule: rule.name }] }
  await expect(explain(model, images(), { composite } as ExplainOptions)).rejects.toThrow(message)
  model.dispose()
})
