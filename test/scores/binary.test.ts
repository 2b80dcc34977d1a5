import { readFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { scoreLine } from '../../src/cli/commands/test.js'
import type { Dataset } from '../../src/data/dataset.js'
import { evaluate } from '../../src/evaluate/evaluate.js'
import { removeFeatures } from '../../src/evaluate/remove-features.js'
import { scoreMaps } from '../../src/evaluate/score-maps.js'
import { averagePrecision } from '../../src/scores/classification.js'
import { testModel } from '../../src/scores/test-model.js'
import { GraphBuilder, initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'
import { plainPreprocessing } from '../../src/model/preprocessing.js'

// A network of one logit, z = 2 left - 2 right + 0.1 over two pixels: positive logits mean the second class.

const root = mkdtempSync(join(tmpdir(), 'lrp-binary-'))
let model: Model
beforeAll(async () => {
  const b = new GraphBuilder([1, 1, 2])
  const head = b.linear('head', b.add('flat', 'flatten', ['input'], { start_dim: 1 }), 1)
  const parts = await initialise(b.finish('binary', head), 0)
  const floats = (values: number[], shape: number[]) =>
    ({ dtype: 'f32', shape, data: new Uint8Array(Float32Array.from(values).buffer) }) as const
  parts.tensors.set('head.weight', floats([2, -2], [1, 2]))
  parts.tensors.set('head.bias', floats([0.1], [1]))
  model = await Model.create({ ...parts, classes: ['no', 'yes'], preprocessing: plainPreprocessing([1, 1, 2]) })
})
afterAll(() => {
  model.dispose()
  rmSync(root, { recursive: true, force: true })
})

const data = (): Dataset => {
  const none = { images: new Uint8Array(0), labels: new Int32Array(0) }
  // logits 2.1, -1.9, 0.1, 0.6, -0.4
  const images = Uint8Array.of(255, 0, 0, 255, 255, 255, 64, 0, 0, 64)
  const test = { images, labels: Int32Array.of(1, 0, 0, 1, 1) }
  return {
    name: 'pairs',
    classes: ['no', 'yes'],
    imageShape: [1, 1, 2],
    splits: { train: none, valid: none, test },
    skipped: []
  }
}

test('a single logit decides by its sign, and is scored by its sigmoid (A3)', async () => {
  const result = await testModel(model, { data: data(), output: join(root, 'test') })
  if (result.task !== 'classification') throw new Error('expected a classifier')
  const { metrics } = result
  expect(metrics.confusion).toEqual([
    [1, 1],
    [1, 2]
  ])
  expect(metrics.accuracy).toBeCloseTo(3 / 5, 12)
  // by hand: pairs in the right order 5 of 6; precision 1, 1, 3/4 at the three positives
  expect(metrics.rocAuc).toBeCloseTo(5 / 6, 12)
  expect(metrics.averagePrecision).toBeCloseTo((1 + 1 + 3 / 4) / 3, 12)
  const p = (z: number): number => 1 / (1 + Math.exp(-z))
  const z = (left: number, right: number): number => (2 * (left - right)) / 255 + 0.1
  const logs = [p(z(255, 0)), 1 - p(z(0, 255)), 1 - p(z(255, 255)), p(z(64, 0)), p(z(0, 64))].map((q) => -Math.log(q))
  expect(metrics.logLoss).toBeCloseTo(logs.reduce((sum, log) => sum + log, 0) / 5, 6)
  expect(metrics.binary).toEqual({ positive: 'yes', sensitivity: 2 / 3, specificity: 1 / 2 })
  expect(scoreLine(result)).toMatch(/, sensitivity 0\.6667 and specificity 0\.5000 \(positive: yes\)$/)
  const [heading, first, second] = readFileSync(join(root, 'test', 'predictions.csv'), 'utf8').split('\n')
  expect(heading).toBe('image,true,predicted,confidence,probability no,probability yes')
  const row = (yes: number): string[] => [1 - yes, yes].map((one) => one.toFixed(6))
  const [sure, unsure] = [row(p(z(255, 0))), row(p(z(0, 255)))]
  expect(first).toBe(['0', 'yes', 'yes', sure[1], ...sure].join())
  expect(second).toBe(['1', 'no', 'no', unsure[0], ...unsure].join())
})

test("scikit-learn's example of average precision", () => {
  // sklearn.metrics.average_precision_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
  const scores = [0.1, 0.4, 0.35, 0.8]
  expect(averagePrecision([0, 0, 1, 1], (i) => scores[i]!)).toBeCloseTo(0.8333333333333333, 12)
  expect(averagePrecision([0, 1, 1, 0], () => 1)).toBeCloseTo(0.5, 12) // all tied: the share of positives
})

test('perturbation curves and removed features follow the sigmoid', async () => {
  const input = { data: Float32Array.of(1, 0), shape: [1, 1, 1, 2] }
  const attribution = { data: Float32Array.of(2, 0), shape: [1, 1, 1, 2] }
  const metrics = ['pixel_flipping.morf.black', 'aopc', 'road']
  const scores = await scoreMaps(model, { input, attribution, metrics, featuresInStep: 1 })
  const curve = scores['pixel_flipping.morf.black']![0] as number[]
  curve.forEach((p) => expect(p).toBeCloseTo(1 / (1 + Math.exp(-0.1)), 6)) // the left pixel is gone
  expect(scores.aopc![0]).toBeGreaterThan(0.05)
  const removed = await removeFeatures(model, { data: data(), fraction: [0.5], output: join(root, 'removed') })
  const [before, after] = removed.curve
  const sure = [2.1, 1.9, 2 * (128 / 255) * 0 + 0.1, (2 * 64) / 255 + 0.1, (2 * 64) / 255 - 0.1]
  const confidence = sure.reduce((sum, z) => sum + 1 / (1 + Math.exp(-z)), 0) / 5
  expect(before!.important).toBeCloseTo(confidence, 6) // of the predicted class, whichever of the two it is
  expect(before!.important).toBeGreaterThan(after!.important)
  expect(removed.notes).toEqual([expect.stringMatching(/^\d+ % of the pixels are already black/)])
  const mean = { data: data(), fraction: [0.5], fill: 'mean' as const, output: join(root, 'removed') }
  expect((await removeFeatures(model, mean)).notes).toEqual([])
  expect(readFileSync(join(root, 'removed', '00000', 'original.txt'), 'utf8')).toBe('no 0.109097\nyes 0.890903\n')
})

test('the one logit is explained as that of the second class, and turned round as that of the first', async () => {
  const { explain } = await import('../../src/explain/explain.js')
  const { drawFigures } = await import('../../src/explain/figures.js')
  const { explainToFiles } = await import('../../src/explain/to-files.js')
  const input = { data: Float32Array.of(0, 1), shape: [1, 1, 1, 2] }
  const found = await explain(model, input, { rule: 'epsilon', target: 'yes' })
  expect(found.sums[0]!).toBeCloseTo(-2, 4) // the bias has its own part
  const [figure] = await drawFigures(model, { input, names: ['a'] }, found, {})
  expect(figure!.captions).toEqual(['predicted no (87.0 %)', 'explained yes: sum of relevance -2.000'])
  const first = await explain(model, input, { rule: 'epsilon', target: 'no' })
  expect([...first.relevance.data]).toEqual([...found.relevance.data].map((value) => -value))
  const asked = { data: data(), output: join(root, 'labels') }
  const named = async (target?: string): Promise<unknown> => {
    const { summary } = await explainToFiles(model, { ...asked, target, limit: 2 })
    return summary.images.map(({ label, target: [one], targetNames, score }) => [
      label,
      one,
      targetNames,
      score[0]! > 0
    ])
  }
  expect(await named()).toEqual([[1, 1, ['yes'], true], [0, 1, ['yes'], false]]) // prettier-ignore
  expect(await named('label')).toEqual([[1, 1, ['yes'], true], [0, 0, ['no'], true]]) // prettier-ignore
})

test('methods are compared for the predicted class, and for either of the two by name or label', async () => {
  const logits = async (target?: string): Promise<number> => {
    const perturbation = { measure: 'logit' as const, steps: 2 }
    const how = {
      data: data(),
      methods: ['epsilon'],
      metrics: ['conservation_error'],
      draws: 1,
      limit: 2,
      perturbation
    }
    return (await evaluate(model, { ...how, target })).methods[0]!.morf.mean[0]!
  }
  const [yes, no] = [2.1, -1.9] // of the first two images
  const all = { data: data(), methods: ['epsilon'], draws: 1, limit: 2, perturbation: { steps: 2 } }
  const { metrics } = await evaluate(model, { ...all, metrics: 'all' })
  expect(metrics.map(({ name }) => name)).not.toContain('random_logit') // there is no other logit
  expect(await logits()).toBeCloseTo((yes - no) / 2, 6)
  expect(await logits('label')).toBeCloseTo((yes - no) / 2, 6)
  expect(await logits('yes')).toBeCloseTo((yes + no) / 2, 6)
  expect(await logits('no')).toBeCloseTo((-yes - no) / 2, 6)
})

test('explain.json and the caption of a picture give the class by its sign, with its own confidence', async () => {
  const { explainToFiles } = await import('../../src/explain/to-files.js')
  const { summary } = await explainToFiles(model, { data: data(), limit: 2, output: join(root, 'explained') })
  const p = (z: number): number => 1 / (1 + Math.exp(-z))
  expect(summary.images.map(({ predicted }) => predicted)).toEqual([1, 0])
  expect(summary.images[0]!.confidence).toBeCloseTo(p(2.1), 6)
  expect(summary.images[1]!.confidence).toBeCloseTo(1 - p(-1.9), 6)
})

test('a file names the two classes of the one logit', async () => {
  const [folder, names] = [join(root, 'unnamed'), join(root, 'names.txt')]
  using unnamed = await Model.create({ ...(await model.toParts()), classes: undefined })
  await unnamed.save(folder)
  writeFileSync(names, 'benign\nmalignant\n')
  using named = await Model.load(folder, { classes: names })
  expect(named.classes).toEqual(['benign', 'malignant'])
  writeFileSync(names, 'a\nb\nc\n')
  await expect(Model.load(folder, { classes: names })).rejects.toThrow(
    `${names} contains 3 class names, but binary has 1 output`
  )
})
