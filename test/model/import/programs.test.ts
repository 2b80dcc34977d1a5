import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { importModel } from '../../../src/model/import/index.js'
import { Model } from '../../../src/model/model.js'
import { packageRoot } from '../../../src/core/paths.js'
import { readSafetensors } from '../../../src/model/import/safetensors.js'
import type { StateDict } from '../../../src/core/tensor.js'
import { floats, relativeError } from '../../shared.js'

const folder = join(packageRoot, 'test', 'model', 'import', 'programs')
/** What no importer can compute exactly, or not for every batch, and the words that say so. */
const REFUSED: Record<string, RegExp> = {
  write_through_unfold: /'mul_'.*through a view made by 'unfold'/,
  write_into_a_buffer: /changes 'mean', a weight or buffer/,
  recurrent_layer: /\(aten\.lstm\.input\) cannot be imported: it is a recurrent layer/,
  no_axis_of_images:
    /exported only for batches of size 1, and its output of shape \[5\] does not contain one row for each image/
}
const programs = readdirSync(folder)
  .filter((name) => name.endsWith('.pt2'))
  .map((name) => name.slice(0, -'.pt2'.length))

/** Made by scripts/make-program-fixture.py. */
describe('what is easily read wrong in an exported program', () => {
  let values: StateDict
  beforeAll(async () => {
    values = await readSafetensors(join(folder, 'values.safetensors'))
  })

  test.each(programs.filter((name) => !(name in REFUSED)))('%s', async (name) => {
    const model = await Model.load(join(folder, `${name}.pt2`))
    const output = await model.forward(floats(values.get(`${name}.input`)!))
    expect(output.shape).toEqual(values.get(`${name}.output`)!.shape)
    expect(relativeError(output, values.get(`${name}.output`)!)).toBeLessThan(1e-5)
    model.dispose()
  })

  test.each(Object.entries(REFUSED))('%s is refused', async (name, message) => {
    const refused = importModel(join(folder, `${name}.pt2`))
    await expect(refused).rejects.toMatchObject({ code: 'UNSUPPORTED', message: expect.stringMatching(message) })
  })
})

test('constants are computed once: no node of the graph makes them', async () => {
  const { graph } = await importModel(join(folder, 'numbers_alone.pt2'))
  expect(graph.nodes.map(({ op }) => op)).toEqual(['conv2d', 'mean', 'constant', 'matmul', 'constant', 'add', 'linear'])
})

test('what decompositions take apart is a layer again', async () => {
  const { graph } = await importModel(join(folder, 'decomposed.pt2'))
  const ops = new Set(graph.nodes.map(({ op }) => op))
  for (const op of ['conv2d', 'batch_norm', 'max_pool2d', 'layer_norm', 'group_norm', 'linear'])
    expect(ops).toContain(op)
})

test('an attention mask that hides nothing is no mask, and one that hides is added', async () => {
  const { graph } = await importModel(join(folder, 'attention_with_masks.pt2'))
  const count = (op: string) => graph.nodes.filter((node) => node.op === op).length
  expect([count('scaled_dot_product_attention'), count('softmax')]).toEqual([1, 3])
})

test('a graph of calls is saved and loaded', async () => {
  const values = await readSafetensors(join(folder, 'values.safetensors'))
  const target = mkdtempSync(join(tmpdir(), 'lrp-programs-'))
  for (const name of ['moves', 'sizes_from_factors', 'attention_with_masks', 'several_outputs']) {
    using model = await Model.load(join(folder, `${name}.pt2`))
    await model.save(target)
    using loaded = await Model.load(target)
    expect(loaded.graph).toEqual(model.graph)
    const output = await loaded.forward(floats(values.get(`${name}.input`)!))
    expect(relativeError(output, values.get(`${name}.output`)!)).toBeLessThan(1e-5)
  }
  rmSync(target, { recursive: true })
})

test('a network that mixes its images takes as many at a time as it was exported for', async () => {
  using model = await Model.load(join(folder, 'pairs_of_images.pt2'))
  expect(model.graph.inputShape).toEqual([2, 4, 6, 6])
  const three = model.forward({ data: new Float32Array(3 * 144), shape: [3, 4, 6, 6] })
  await expect(three).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('2 images') })
})

test('all outputs are kept by name, and the first is explained', async () => {
  const { graph } = await importModel(join(folder, 'several_outputs.pt2'))
  expect(graph.outputs).toEqual(['fc', 'mean_1'])
  expect(graph.output).toBe('fc')
})

test('activations that were taken apart are put together again', async () => {
  const apart = await importModel(join(folder, 'activations_taken_apart.pt2'))
  const quick = ['mul_scalar', 'silu', 'mul_scalar']
  expect(apart.graph.nodes.map(({ op }) => op)).toEqual([
    'conv2d',
    ...quick,
    'gelu',
    'gelu',
    'hardswish',
    'aten::mish',
    'mean',
    'linear'
  ])
  expect(apart.graph.nodes.flatMap(({ op, attributes }) => (op === 'gelu' ? [attributes] : []))).toEqual([
    { approximate: 'tanh' },
    {}
  ])
  const { graph, notes } = await importModel(join(folder, 'activations_decomposed.pt2'))
  const ops = ['conv2d', 'hardswish', 'aten::mish', 'hardswish', 'silu', 'mean', 'linear']
  expect(graph.nodes.map(({ op }) => op)).toEqual(ops)
  expect(notes).toEqual(['fused: hardswish (2), mish (1), silu (1)'])
})
