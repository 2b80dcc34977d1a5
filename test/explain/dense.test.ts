import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { writeNpy } from '../../src/core/npy.js'
import { packageRoot } from '../../src/core/paths.js'
import { evaluate } from '../../src/evaluate/evaluate.js'
import type { Evaluation } from '../../src/evaluate/results.js'
import { explain } from '../../src/explain/explain.js'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import { Model } from '../../src/model/model.js'
import { cli } from '../cli/run.js'
import { floats, values } from '../shared.js'

// scripts/make-dense-fixture.py
const folder = join(packageRoot, 'test', 'explain', 'dense')

/** Median over an image's values of the difference, as a share of the image's mean magnitude. */
function medianError(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  const mean = Array.from(wanted).reduce((sum, value) => sum + Math.abs(value), 0) / wanted.length
  const errors = Array.from(wanted, (value, i) => Math.abs(found[i]! - value) / mean).sort((a, b) => a - b)
  return errors[Math.floor(errors.length / 2)]!
}

/** Largest difference, as a share of the largest magnitude. */
function largestError(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  const most = (numbers: ArrayLike<number>): number => Array.from(numbers).reduce((a, b) => Math.max(a, Math.abs(b)), 0)
  return most(Array.from(wanted, (value, i) => found[i]! - value)) / most(wanted)
}

/** zennit's own treatment of interpolation: none. */
const plain = {
  name: 'plain',
  layers: [
    { op: 'interpolate', rule: 'gradient' },
    { kind: 'convolution' as const, rule: 'zplus' }
  ]
}

describe.each(['fcn', 'deeplab', 'lraspp', 'unet'])('%s', (name) => {
  const open = async (precision: 'fp32' | 'fp64' = 'fp32') => ({
    model: await Model.load(join(folder, `${name}.pt2`), { device: 'cpu', precision }),
    fixture: await readSafetensors(join(folder, `${name}.safetensors`))
  })

  test.each(['epsilon-plus', 'epsilon-alpha2beta1', plain])(
    'in float64 it is the same to 1e-6 (%p)',
    async (composite) => {
      const { model, fixture } = await open('fp64')
      using _ = model
      const { relevance } = await explain(model, floats(fixture.get('input')!), { composite })
      const wanted = values(fixture.get(typeof composite === 'string' ? composite : composite.name)!)
      expect(largestError(relevance.data, wanted)).toBeLessThan(1e-6)
    }
  )

  test("the difference to a region's runner-up is zennit's", async () => {
    const { model, fixture } = await open('fp64')
    using _ = model
    const how = { composite: 'epsilon-plus', against: 'runner-up' } as const
    const found = await explain(model, floats(fixture.get('input')!), how)
    expect([...found.against!]).toEqual(values(fixture.get('runner-up')!))
    expect(largestError(found.relevance.data, values(fixture.get('contrast')!))).toBeLessThan(1e-6)
  })

  test.each(['epsilon-plus', 'epsilon-alpha2beta1'])(
    "the relevance of a region is zennit's under %s",
    async (composite) => {
      const { model, fixture } = await open()
      using _ = model
      const found = await explain(model, floats(fixture.get('input')!), { composite, conservation: true })
      expect([...found.targets]).toEqual(values(fixture.get('target')!))
      expect([...found.regions!.data]).toEqual([...(values(fixture.get('region')!) as Uint8Array)])
      const scores = values(fixture.get('score')!)
      found.scores.forEach((score, i) => expect(score / scores[i]!).toBeCloseTo(1, 4))
      const wanted = values(fixture.get(composite)!) as Float32Array
      const size = wanted.length / 2
      for (const i of [0, 1]) {
        const part = [found.relevance.data, wanted].map((map) => map.subarray(i * size, (i + 1) * size))
        expect(medianError(part[0]!, part[1]!)).toBeLessThan(1e-3)
      }
      for (const layer of found.conservation) {
        const given = layer.propagated[0]! + layer.absorbedByBias[0]! + layer.absorbedByStabiliser[0]!
        expect(Math.abs(given - layer.arriving[0]!)).toBeLessThan(1e-4 * layer.arrivingMagnitude[0]!)
      }
    }
  )
})

test('an evaluation keeps the runner-up of each region, and relevance is compared with its sum of logits', async () => {
  const path = join(folder, 'unet')
  const file = join(mkdtempSync(join(tmpdir(), 'lrp-dense-')), 'input.npy')
  const input = floats((await readSafetensors(`${path}.safetensors`)).get('input')!)
  await writeNpy(file, input)
  using model = await Model.load(`${path}.pt2`, { device: 'cpu' })
  const how = { methods: ['epsilon-plus'], metrics: ['conservation_error'], draws: 1, perturbation: { patchSize: 16 } }
  const { methods } = await evaluate(model, { ...how, input: [file], against: 'runner-up' })
  const { sums, scores } = await explain(model, input, { composite: 'epsilon-plus', against: 'runner-up' })
  const errors = Array.from(sums, (sum, i) => Math.abs(sum - scores[i]!) / Math.abs(scores[i]!))
  expect(methods[0]!.scores.conservation_error!.mean).toBeCloseTo((errors[0]! + errors[1]!) / 2, 4)
})

test('methods are compared over the same region on the command line', async () => {
  const root = mkdtempSync(join(tmpdir(), 'lrp-dense-'))
  const input = floats((await readSafetensors(join(folder, 'unet.safetensors'))).get('input')!)
  await writeNpy(join(root, 'input.npy'), input)
  const how = ['--region', '10,20', '--rules', 'epsilon-plus,gradient', '--draws', '1', '--patch-size', '16']
  const flags = ['--input', join(root, 'input.npy'), ...how, '--output', root, '--json']
  const found = await cli('evaluate', join(folder, 'unet.pt2'), ...flags)
  expect([found.err, found.status]).toEqual([expect.any(String), 0])
  const { methods } = JSON.parse(found.out) as Pick<Evaluation, 'methods'>
  expect(methods.map(({ name }) => name).sort()).toEqual(['epsilon-plus', 'gradient'])
  const { mean } = methods[0]!.morf
  expect(Math.max(...mean) - Math.min(...mean)).toBeGreaterThan(1e-3)
  rmSync(root, { recursive: true })
})
