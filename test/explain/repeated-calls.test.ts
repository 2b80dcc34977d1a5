import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import type { ExplainOptions } from '../../src/explain/options.js'
import { prepare } from '../../src/explain/prepare.js'
import { buildArchitecture } from '../../src/model/architectures/index.js'
import { initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'
import { native } from '../../src/native/addon.js'

const root = mkdtempSync(join(tmpdir(), 'lrp-repeated-'))
const input = { data: Float32Array.from({ length: 2 * 192 }, (_, i) => Math.sin(i * i)), shape: [2, 3, 8, 8] }
const small = async (): Promise<Model> =>
  Model.create(await initialise(buildArchitecture('mlp', { imageShape: [3, 8, 8], classes: 4, hiddenSize: [6] }), 1))
let model: Model
beforeAll(async () => {
  model = await small()
})
afterAll(() => {
  model.dispose()
  rmSync(root, { recursive: true, force: true })
})

const mapOf = async (options: ExplainOptions): Promise<Float32Array> =>
  (await explain(model, input, options)).relevance.data

describe('a call with the options of a recent one', () => {
  test('reuses its rules, and another call does not', async () => {
    const first = await prepare(model, { rule: 'gamma', gamma: 0.5 })
    expect(await prepare(model, { rule: 'gamma', gamma: 0.5 })).toBe(first)
    await prepare(model, { rule: 'epsilon' })
    expect(await prepare(model, { rule: 'gamma', gamma: 0.5 })).toBe(first)
    for (const other of [{ rule: 'gamma' }, { rule: 'gamma', gamma: 0.25 }, { rule: 'gamma', gamma: 0.5, topK: 0.5 }])
      expect(await prepare(model, other)).not.toBe(first)
    const another = await small()
    expect(await prepare(another, { rule: 'gamma', gamma: 0.5 })).not.toBe(first)
    another.dispose()
  })

  test('has the same map, whatever the calls between', async () => {
    const [zplus, gamma] = [await mapOf({ rule: 'zplus' }), await mapOf({ rule: 'gamma' })]
    expect(gamma).not.toEqual(zplus)
    expect(await mapOf({ rule: 'gamma' })).toEqual(gamma)
    expect(await mapOf({ rule: 'zplus' })).toEqual(zplus)
    expect(await mapOf({ rule: 'zplus' })).toEqual(zplus)
  })

  test('is refused for an unknown option without a value', async () => {
    await explain(model, input, { rule: 'epsilon' })
    const call = { rule: 'epsilon', colour: undefined } as ExplainOptions
    await expect(explain(model, input, call)).rejects.toThrow("there is no option 'colour'")
  })

  test('is checked anew if a list or an object in it may have changed', async () => {
    const layers = ['2']
    const call = { rule: 'epsilon', layers }
    await explain(model, input, call)
    layers[0] = 'two'
    await expect(explain(model, input, call)).rejects.toThrow("there is no layer 'two'")
  })

  test('reads a rules file again', async () => {
    const rules = join(root, 'own.json')
    const write = (rule: string): void => writeFileSync(rules, JSON.stringify({ layers: [{ kind: 'weighted', rule }] }))
    write('zplus')
    const before = await mapOf({ rules })
    write('epsilon')
    expect(await mapOf({ rules })).not.toEqual(before)
    expect(await mapOf({ rules })).toEqual(await mapOf({ rule: 'epsilon' }))
  })

  test('does not see what the caller does to an earlier result', async () => {
    const first = await explain(model, input, { rule: 'epsilon' })
    const rules = structuredClone(first.rules)
    first.rules[0]!.rule = 'changed'
    first.rules.find(({ rule }) => rule === 'epsilon')!.parameters.epsilon = 7
    first.rules.pop()
    expect((await explain(model, input, { rule: 'epsilon' })).rules).toEqual(rules)
  })
})

test('C++ names the field that a rule lacks, and what are no resolved rules', async () => {
  const { ResolvedRules } = native()
  expect(() => new ResolvedRules([{ node: 'relu', parameters: {} } as never])).toThrow('the rules: [0].rule is missing')
  const { settings } = await prepare(model, { rule: 'epsilon' })
  const lrp = { ...settings.lrp!, rules: 7 as never }
  const call = { ...settings, lrp, target: { binary: false, independent: false } }
  await expect(async () => model.handle.attribute([{ ...call, images: input }], {})).rejects.toThrow(
    'the passes: [0].lrp.rules must be resolved rules'
  )
})
