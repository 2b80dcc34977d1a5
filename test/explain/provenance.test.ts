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
