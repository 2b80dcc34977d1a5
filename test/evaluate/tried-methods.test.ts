import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { writeNpy } from '../../src/core/npy.js'
import { evaluate } from '../../src/evaluate/evaluate.js'
import { chooseMethods, type Explainer } from '../../src/evaluate/methods.js'
import { sequentialModel, weight } from '../models.js'

const root = mkdtempSync(join(tmpdir(), 'lrp-tried-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const waves = (count: number, step: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * step))

test('a method is tried out on the first image once, and the picture of the result shows that map', async () => {
  using model = await sequentialModel(
    [null, 4],
    [['linear']],
    new Map([
      ['0.weight', weight([3, 4], waves(12, 2.1))],
      ['0.bias', weight([3], waves(3, 0.7))]
    ])
  )
  const input = join(root, 'images.npy')
  await writeNpy(input, { data: waves(8, 0.37), shape: [2, 4] })
  const [epsilon] = chooseMethods(['epsilon']) as [Explainer]
  const asked: number[] = []
  const counting: Explainer = {
    ...epsilon,
    explain: (network, images, targets, where) => {
      asked.push(images.shape[0]!)
      return epsilon.explain(network, images, targets, where)
    }
  }
  const options = { input: [input], methods: [counting], metrics: ['abc'], draws: 1, output: join(root, 'out') }
  await evaluate(model, options)
  expect(asked).toEqual([1, 2])
})
