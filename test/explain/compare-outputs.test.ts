import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { writeNpy, writeNpz } from '../../src/core/npy.js'
import { compareOutputs } from '../../src/explain/compare-outputs.js'
import { inspectModel } from '../../src/explain/inspect-model.js'
import { Model } from '../../src/model/model.js'
import { cli } from '../cli/run.js'
import { node, weight } from '../models.js'

const folder = mkdtempSync(join(tmpdir(), 'compare-outputs-'))
const at = (name: string): string => join(folder, name)
const tensor = (values: number[], shape: number[]) => ({ data: Float32Array.from(values), shape })
let model: Model

beforeAll(async () => {
  const nodes = [
    node('a', 'linear', ['input'], {}, { weight: 'w' }),
    node('b', 'relu', ['a']),
    node('c', 'linear', ['b'], {}, { weight: 'v' }),
    node('p', 'softmax', ['c'], { dim: 1 })
  ]
  const tensors = new Map([
    ['w', weight([2, 2], [1, -1, 1, 1])],
    ['v', weight([2, 2], [1, 0, 1, -1])]
  ])
  model = await Model.create({ name: 'small', graph: { inputShape: [null, 2], nodes, output: 'p' }, tensors }, 'cpu')
  await writeNpy(at('x.npy'), tensor([3, 1], [1, 2]))
  await writeNpy(at('y.npy'), tensor([2, -2], [1, 2]))
})
afterAll(() => {
  model.dispose()
  rmSync(folder, { recursive: true })
})

test('the same outputs agree', async () => {
  const found = await compareOutputs(model, { input: at('x.npy'), logits: at('y.npy') })
  expect(found).toMatchObject({ images: 1, agrees: true, logits: { node: 'c', difference: 0 } })
})

test('probabilities are compared with probabilities where a softmax was left out', async () => {
  const p = 1 / (1 + Math.exp(-4))
  await writeNpy(at('p.npy'), tensor([p, 1 - p], [1, 2]))
  expect((await compareOutputs(model, { input: at('x.npy'), logits: at('p.npy') })).agrees).toBe(true)
})

test('the first node that differs is named', async () => {
  await writeNpy(at('wrong.npy'), tensor([2, -1], [1, 2]))
  const other = {
    a: tensor([2, 4], [1, 2]),
    b: tensor([2, 3], [1, 2]),
    c: tensor([2, -1], [1, 2]),
    z: tensor([1], [1])
  }
  await writeNpz(at('all.npz'), other)
  const given = { input: at('x.npy'), logits: at('wrong.npy') }
  const found = await compareOutputs(model, { ...given, activations: at('all.npz') })
  expect(found.firstDifference!.node).toBe('b')
  expect(found.firstDifference!.difference).toBeCloseTo(1 / 3, 6)
  expect(found.unknown).toEqual(['z'])
  mkdirSync(at('all'))
  await writeNpy(at('all/a.npy'), other.a)
  const fewer = await compareOutputs(model, { ...given, activations: at('all') })
  expect([fewer.agrees, fewer.firstDifference!.node, fewer.nodes.map(({ node }) => node)]).toEqual([false, 'c', ['a']])
})

test('a layer is compared as the file writes it, without the batch norm that is folded into it', async () => {
  const nodes = [
    node('a', 'linear', ['input'], {}, { weight: 'w' }),
    node('n', 'batch_norm', ['a'], { eps: 0 }, { running_mean: 'm', running_var: 's', weight: 's' }),
    node('r', 'relu', ['n']),
    node('b', 'batch_norm', ['r'], { eps: 0 }, { running_mean: 'm', running_var: 's', weight: 's' }),
    node('c', 'linear', ['b'], {}, { weight: 'w' })
  ]
  const tensors = new Map([
    ['w', weight([2, 2], [1, -1, 1, 1])],
    ['m', weight([2], [2, 2])],
    ['s', weight([2], [4, 4])]
  ])
  using normed = await Model.create({ name: 'n', graph: { inputShape: [null, 2], nodes, output: 'c' }, tensors }, 'cpu')
  const summary = await inspectModel(normed)
  expect(summary.imported).toEqual(["folded before explaining: 2 nodes, marked 'folded'"])
  expect(summary.nodes.filter(({ folded }) => folded).map(({ name }) => name)).toEqual(['n', 'b'])
  await writeNpz(at('layers.npz'), {
    a: tensor([2, 4], [1, 2]),
    n: tensor([0, 4], [1, 2]),
    b: tensor([-4, 4], [1, 2]),
    c: tensor([-8, 0], [1, 2])
  })
  await writeNpy(at('c.npy'), tensor([-8, 0], [1, 2]))
  const given = { input: at('x.npy'), logits: at('c.npy'), activations: at('layers.npz') }
  expect(await compareOutputs(normed, given)).toMatchObject({ agrees: true, nodes: [{}, {}, {}, {}] })
})

test('what cannot be compared is refused', async () => {
  await writeNpy(at('three.npy'), tensor([1, 2, 3], [1, 3]))
  const refused = { code: 'INVALID_ARGUMENT' }
  await expect(compareOutputs(model, { input: at('x.npy') })).rejects.toMatchObject(refused)
  await expect(compareOutputs(model, { input: at('x.npy'), logits: at('three.npy') })).rejects.toMatchObject(refused)
})

test('on the command line, outputs that differ are a failure', async () => {
  const saved = at('saved')
  await model.save(saved)
  await writeNpy(at('other.npy'), tensor([2, -1], [1, 2]))
  const compared = (logits: string): ReturnType<typeof cli> =>
    cli('inspect', saved, '--input', at('x.npy'), '--logits', at(logits))
  expect(await compared('y.npy')).toMatchObject({ status: 0, out: expect.stringContaining('1 image agree') })
  const { status, out } = await compared('other.npy')
  expect([status, out.split('\n')[0]]).toEqual([
    1,
    "the first node whose output differs is 'c', by 50.0 % of its largest value"
  ])
})
