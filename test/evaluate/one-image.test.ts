import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { writeNpy } from '../../src/core/npy.js'
import { evaluate } from '../../src/evaluate/evaluate.js'
import { sequentialModel, weight } from '../models.js'

const root = mkdtempSync(join(tmpdir(), 'lrp-one-image-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const waves = (count: number, step: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * step))

const RANDOM = ['faithfulness_correlation', 'sensitivity_n', 'infidelity', 'avg_sensitivity', 'road']

test('random numbers depend on the image and the seed, not on the place of the image', async () => {
  const model = await sequentialModel(
    [null, 1, 6, 6],
    [['conv2d'], ['relu'], ['flatten'], ['linear']],
    new Map([
      ['0.weight', weight([4, 1, 3, 3], waves(36, 1.3))],
      ['0.bias', weight([4], waves(4, 0.7))],
      ['3.weight', weight([3, 64], waves(192, 2.1))],
      ['3.bias', weight([3], waves(3, 0.4))]
    ])
  )
  const images = waves(3 * 36, 0.37)
  const scoresOf = async (name: string, data: Float32Array, seed: number) => {
    const path = join(root, `${name}.npy`)
    await writeNpy(path, { data, shape: [data.length / 36, 1, 6, 6] })
    const found = await evaluate(model, {
      input: [path],
      methods: ['epsilon', 'random', 'smoothgrad'],
      metrics: RANDOM,
      perturbation: { fill: 'noise', steps: 5 },
      seed,
      output: join(root, name)
    })
    return found.methods.map((one) => [one.name, RANDOM.map((metric) => one.scores[metric]!.values.at(-1)!)] as const)
  }
  const together = new Map(await scoresOf('together', images, 3))
  const alone = new Map(await scoresOf('alone', images.slice(72), 3))
  const otherwise = new Map(await scoresOf('otherwise', images.slice(72), 4))
  for (const [name, scores] of together) {
    scores.forEach((score, i) => expect(alone.get(name)![i]).toBeCloseTo(score, 4))
    expect(otherwise.get(name)).not.toEqual(alone.get(name))
  }
  model.dispose()
})
