import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { packageVersion } from '../../src/core/package-version.js'
import { Model } from '../../src/model/model.js'
import { provenanceOf } from '../../src/model/provenance.js'
import { node, weight } from '../models.js'

const small = (last: number): Promise<Model> => {
  const nodes = [node('fc', 'linear', ['input'], {}, { weight: 'w' }), node('s', 'softmax', ['fc'], { dim: 1 })]
  const graph = { inputShape: [null, 2], nodes, output: 's' }
  return Model.create({ name: 'small', graph, tensors: new Map([['w', weight([2, 2], [1, 2, 3, last])]]) }, 'cpu')
}

test('a model is known by its graph and weights, wherever it lies', async () => {
  using model = await small(4)
  using other = await small(5)
  const { version, modelSha256 } = await provenanceOf(model)
  expect(version).toBe(packageVersion())
  expect(modelSha256).toMatch(/^[0-9a-f]{64}$/)
  expect((await provenanceOf(other)).modelSha256).not.toBe(modelSha256)
  const folder = mkdtempSync(join(tmpdir(), 'provenance-'))
  await model.save(join(folder, 'elsewhere'))
  using saved = await Model.load(join(folder, 'elsewhere'), { device: 'cpu' })
  expect((await provenanceOf(saved)).modelSha256).toBe(modelSha256)
  rmSync(folder, { recursive: true })
})

test('the weights are read where they lie, and copied where the model computes with others', async () => {
  const given = weight([2, 2], [1, 2, 3, 4])
  const nodes = [node('fc', 'linear', ['input'], {}, { weight: 'w' })]
  const graph = { inputShape: [null, 2], nodes, output: 'fc' }
  const parts = { name: 'small', graph, tensors: new Map([['w', given]]) }
  for (const precision of ['fp32', 'fp64'] as const) {
    using model = await Model.create(parts, 'cpu', precision)
    const [inPlace, copied] = [await model.handle.tensors(false), await model.handle.tensors(true)]
    expect(inPlace.w).toEqual(copied.w)
    expect(inPlace.w!.dtype).toBe({ fp32: 'f32', fp64: 'f64' }[precision])
    expect(inPlace.w!.data.buffer === given.data.buffer).toBe(precision === 'fp32')
    expect(copied.w!.data.buffer === given.data.buffer).toBe(false)
  }
})
