import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { packageRoot } from '../../src/core/paths.js'
import { writeNpy } from '../../src/core/npy.js'
import { evaluate } from '../../src/evaluate/evaluate.js'
import { explain } from '../../src/explain/explain.js'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import { Model } from '../../src/model/model.js'
import { floats, values } from '../shared.js'

// scripts/make-detector-fixture.py
const folder = join(packageRoot, 'test', 'explain', 'detector')
const root = mkdtempSync(join(tmpdir(), 'lrp-detector-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const largest = (numbers: ArrayLike<number>): number => Math.max(...Array.from(numbers, Math.abs))
const difference = (found: ArrayLike<number>, wanted: ArrayLike<number>): number =>
  largest(Array.from(wanted, (value, i) => found[i]! - value)) / largest(wanted)

describe('a detector with three scales', () => {
  test.each<[string, [number, number, number] | undefined]>([
    ['of images of any size', undefined],
    ['of images of one size', [3, 64, 64]]
  ])('%s: the explained score of a box is what PyTorch computes', async (_, inputShape) => {
    const fixture = await readSafetensors(join(folder, '64x64.safetensors'))
    using model = await Model.load(join(folder, 'detector.onnx'), { device: 'cpu', inputShape })
    const input = floats(fixture.get('input')!)
    const target = { class: 2, box: 'best' } as const
    const found = await explain(model, input, { method: 'gradient', target })
    expect(difference(found.logits.data, values(fixture.get('output')!))).toBeLessThan(1e-5)
    expect([...found.boxes!]).toEqual(values(fixture.get('box')!))
    expect(difference(found.scores, values(fixture.get('score')!))).toBeLessThan(1e-5)
    expect(difference(found.relevance.data, values(fixture.get('gradient')!))).toBeLessThan(1e-4)
    const { scores, targets } = await explain(model, input, { target })
    expect(difference(scores, values(fixture.get('score')!))).toBeLessThan(1e-5)
    expect([...targets]).toEqual([2, 2])
  })

  test('biases of its many layers absorb a score little by little, and without them all of it arrives', async () => {
    const input = floats((await readSafetensors(join(folder, '64x64.safetensors'))).get('input')!)
    using model = await Model.load(join(folder, 'detector.onnx'), { device: 'cpu', inputShape: [3, 64, 64] })
    const how = { target: { class: 2, box: 'best' }, conservation: true } as const
    const { sums, scores } = await explain(model, input, how)
    expect(sums[0]! / scores[0]!).toBeLessThan(0.5)
    const whole = await explain(model, input, { ...how, ignoreBias: true })
    expect(whole.warnings).toEqual([])
    whole.conservationError.forEach((error) => expect(error).toBeLessThan(0.01))
  })

  test('its score falls while relevant pixels are replaced', async () => {
    const input = floats((await readSafetensors(join(folder, '64x64.safetensors'))).get('input')!)
    using model = await Model.load(join(folder, 'detector.onnx'), { device: 'cpu', inputShape: [3, 64, 64] })
    const images = join(root, 'images.npy')
    await writeNpy(images, input)
    const { methods } = await evaluate(model, { methods: ['auto'], metrics: ['abc'], input: [images], box: 'best' })
    expect(Math.max(...methods[0]!.morf.mean) - Math.min(...methods[0]!.morf.mean)).toBeGreaterThan(0.1)
    expect(methods[0]!.scores.abc!.mean).toBeGreaterThan(0.05)
  })
})
