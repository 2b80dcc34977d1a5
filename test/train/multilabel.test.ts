import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import sharp from 'sharp'
import { openDataset } from '../../src/data/open.js'
import { asLabels } from '../../src/data/multilabel.js'
import { writeNpz } from '../../src/core/npy.js'
import type { Dataset, Split } from '../../src/data/dataset.js'
import { evaluate } from '../../src/evaluate/evaluate.js'
import { finetune } from '../../src/finetune/finetune.js'
import { Model } from '../../src/model/model.js'
import { report } from '../../src/report/report.js'
import { bestThreshold, multilabelMetrics, precisionRecall } from '../../src/scores/multilabel.js'
import { testModel } from '../../src/scores/test-model.js'
import { train, type TrainResult } from '../../src/train/train.js'
import { readJson } from '../shared.js'

jest.setTimeout(600_000)

interface Reached {
  averagePrecision: number[]
  rocAuc: number[]
  labelAccuracy: number
}

/** scripts/make-multilabel-fixture.py */
const pytorch = readJson<{
  labels: Record<string, number[]>
  multilabel: Reached[]
  binary: Reached[]
  metrics: { logits: number[]; values: number[]; thresholds: number[]; f1: number[] } & Reached & Record<string, number>
}>(join('test', 'train', 'fixtures', 'multilabel.json'))

const least = (values: number[]): number => Math.min(...values)
/** Between two runs of PyTorch lie up to 0.003. */
const NOISE = 0.006

describe('labels derived from the digits', () => {
  let root = ''
  let several: Dataset
  let even: Dataset
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'lrp-multilabel-'))
    const digits = await openDataset()
    const sets = Object.values(pytorch.labels)
    const derive = (name: 'train' | 'valid' | 'test', change: (split: Split) => Split): Split =>
      change(digits.splits[name])
    const all = (change: (split: Split) => Split): Dataset['splits'] => ({
      train: derive('train', change),
      valid: derive('valid', change),
      test: derive('test', change)
    })
    const valuesOf = ({ labels }: Split): Float32Array =>
      Float32Array.from(Array.from(labels).flatMap((digit) => sets.map((members) => Number(members.includes(digit)))))
    several = {
      ...digits,
      name: 'several',
      task: 'multilabel',
      classes: Object.keys(pytorch.labels),
      splits: all((split) => ({ ...split, labels: new Int32Array(split.labels.length), values: valuesOf(split) }))
    }
    even = {
      ...digits,
      name: 'even',
      classes: ['odd', 'even'],
      splits: all((split) => ({ ...split, labels: split.labels.map((digit) => Number(digit % 2 === 0)) }))
    }
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  const run = (data: Dataset, task: 'multilabel' | 'binary', experimentName: string): Promise<TrainResult> =>
    train({ data, task, experimentsRoot: root, experimentName })

  test('several labels: what PyTorch reaches, scores per label, a report, maps of every class', async () => {
    const { testMultilabel, experiment, history } = await run(several, 'multilabel', 'several')
    const { perLabel, labelAccuracy } = testMultilabel!.metrics
    perLabel.forEach(({ averagePrecision, rocAuc }, label) => {
      expect(averagePrecision).toBeGreaterThan(
        least(pytorch.multilabel.map((one) => one.averagePrecision[label]!)) - NOISE
      )
      expect(rocAuc).toBeGreaterThan(least(pytorch.multilabel.map((one) => one.rocAuc[label]!)) - NOISE)
    })
    expect(labelAccuracy).toBeGreaterThan(least(pytorch.multilabel.map((one) => one.labelAccuracy)) - 2 * NOISE)
    // the epoch with the lowest loss is the best one, and accuracy is the share of right labels
    const best = history.filter((event) => event.best).at(-1)!
    expect(best.validLoss).toBe(Math.min(...history.map(({ validLoss }) => validLoss)))
    expect(best.validAccuracy).toBeGreaterThan(0.9)
    for (const file of [
      'metrics.json',
      'labels.csv',
      'predictions.csv',
      'precision-recall.svg',
      'per-label.png',
      'worst-errors.png'
    ])
      expect([file, existsSync(experiment.path('test', file))]).toEqual([file, true])
    expect(readFileSync(experiment.path('test', 'labels.csv'), 'utf8')).toMatch(/^label,images,threshold,precision/)

    using model = await Model.load(experiment.folder)
    expect([model.multilabel, model.task, model.classes]).toEqual([true, 'classification', several.classes])
    const tuned = await testModel(model, { data: several, thresholds: 'best' })
    if (tuned.task !== 'multilabel') throw new Error(tuned.task)
    expect(new Set(tuned.metrics.perLabel.map(({ threshold }) => threshold)).size).toBeGreaterThan(1)
    const strict = await testModel(model, { data: several, thresholds: [0.99] })
    if (strict.task !== 'multilabel') throw new Error(strict.task)
    expect(strict.metrics.macroRecall).toBeLessThan(tuned.metrics.macroRecall)
    await expect(testModel(model, { data: several, thresholds: [0.2, 0.3] })).rejects.toThrow(
      'one for each of the 4 labels, not 2 numbers'
    )

    const found = await evaluate(model, { data: several, methods: ['epsilon'], limit: 12, perturbation: { steps: 4 } })
    expect(new Set(found.methods[0]!.morf.mean.map((p) => p.toFixed(4))).size).toBeGreaterThan(2)
    const digits = await openDataset()
    expect(Buffer.compare(several.splits.test.images, digits.splits.test.images)).toBe(0) // no image is written over
    const output = join(root, 'report.html')
    await report([experiment.folder], { output })
    const page = readFileSync(output, 'utf8')
    for (const text of ['mean average precision', 'Scores per label', 'loop']) expect(page).toContain(text)
    tuned.logits satisfies object
  })

  test('two classes by a single logit: what PyTorch reaches, a threshold, curves that fall', async () => {
    const { test: tested, experiment } = await run(even, 'binary', 'even')
    const { metrics, logits } = tested!
    expect(logits.shape).toEqual([logits.data.length, 1])
    expect(metrics.averagePrecision).toBeGreaterThan(
      least(pytorch.binary.map((one) => one.averagePrecision[0]!)) - NOISE
    )
    expect(metrics.accuracy).toBeGreaterThan(least(pytorch.binary.map((one) => one.labelAccuracy)) - 2 * NOISE)
    expect(existsSync(experiment.path('test', 'precision-recall.png'))).toBe(true)
    using model = await Model.load(experiment.folder)
    expect(model.outputKind(await model.outputs())).toBe('binary')
    const strict = await testModel(model, { data: even, thresholds: [0.999] })
    if (strict.task !== 'classification') throw new Error(strict.task)
    expect(strict.metrics.threshold).toBe(0.999)
    expect(strict.metrics.perClass[1]!.falsePositives).toBeLessThanOrEqual(metrics.perClass[1]!.falsePositives)
    expect(strict.metrics.perClass[1]!.recall).toBeLessThan(metrics.perClass[1]!.recall)
    const found = await evaluate(model, { data: even, methods: ['epsilon'], limit: 12, perturbation: { steps: 4 } })
    expect(new Set(found.methods[0]!.morf.mean.map((p) => p.toFixed(4))).size).toBeGreaterThan(2)
  })

  test('a stopped run continues; a trained network gets a head for other labels', async () => {
    const how = { data: several, task: 'multilabel' as const, experimentsRoot: root, epochs: 3, test: false }
    const whole = await train({ ...how, experimentName: 'whole' })
    await train({ ...how, experimentName: 'halves', untilEpoch: 1 })
    const continued = await train({ data: several, resume: 'halves', experimentsRoot: root, test: false })
    expect(continued.history.map(({ validLoss }) => validLoss)).toEqual(whole.history.map(({ validLoss }) => validLoss))
    const { model } = await finetune({
      model: whole.experiment.folder,
      data: even,
      task: 'binary',
      epochs: 2,
      experimentsRoot: root
    })
    expect([await model.outputs(), model.multilabel]).toEqual([1, false])
  })

  test.each([
    [{ task: 'multilabel', loss: 'mse' }, /loss.*binary-cross-entropy/],
    [{ task: 'classification', loss: 'binary-cross-entropy' }, /binary or multilabel/],
    [{ task: 'multilabel', balancedSampling: true }, /balancedSampling/],
    [{ task: 'binary', data: 'digits' }, /two classes, but digits has 10/]
  ] as const)('%j is refused', async (options, message) => {
    await expect(train({ ...options, experimentsRoot: root })).rejects.toThrow(message)
  })

  test('CSV and arrays hold several labels', async () => {
    const folder = join(root, 'files')
    mkdirSync(folder)
    for (const name of ['a', 'b', 'c', 'd'])
      await sharp({ create: { width: 4, height: 4, channels: 3, background: '#456' } }).toFile(
        join(folder, `${name}.png`)
      )
    const open = async (name: string, text: string): Promise<[string[], string]> => {
      const path = join(folder, `${name}.csv`)
      writeFileSync(path, text)
      const { task, classes, splits } = await openDataset({
        dataPath: path,
        task: 'multilabel',
        validSplit: 0,
        ...(!text.includes(',test') && { testSplit: 0 })
      })
      expect(task).toBe('multilabel')
      const rows = Array.from({ length: splits.train.labels.length }, (_, i) =>
        Array.from(splits.train.values!.subarray(i * classes.length, (i + 1) * classes.length)).join('')
      )
      return [classes, rows.join(' ')]
    }
    expect(await open('one', 'a.png,cat;dog\nb.png,\nc.png,dog|fish\n')).toEqual([
      ['cat', 'dog', 'fish'],
      '110 000 011'
    ])
    expect(await open('columns', 'a.png,cat,dog\nb.png,dog,test\nc.png,fish\n')).toEqual([
      ['cat', 'dog', 'fish'],
      '110 001'
    ])
    expect(await open('table', 'path,cat,dog,split\na.png,1,0,train\nb.png,1,1,train\n')).toEqual([
      ['cat', 'dog'],
      '10 11'
    ])
    await expect(open('short', 'path,cat,dog\na.png,1,0\nb.png,1\n')).rejects.toThrow(
      'b.png has 1 numbers, but the header has 2 labels'
    )
    const images = { data: new Float32Array(2 * 16), shape: [2, 4, 4] }
    await writeNpz(join(folder, 'x.npz'), {
      images,
      labels: { data: Float32Array.of(1, 0, 1, 1, 1, 0), shape: [2, 3] }
    })
    const arrays = await openDataset({
      dataPath: join(folder, 'x.npz'),
      task: 'multilabel',
      validSplit: 0,
      testSplit: 0
    })
    expect(Array.from(arrays.splits.train.values!)).toEqual([1, 0, 1, 1, 1, 0])
    const single = asLabels({
      ...arrays,
      task: undefined,
      splits: { ...arrays.splits, train: { ...arrays.splits.train, labels: Int32Array.of(2, 0), values: undefined } }
    })
    expect(Array.from(single.splits.train.values!)).toEqual([0, 0, 1, 1, 0, 0])
  })
})

test('scores of labels are those of scikit-learn', () => {
  const { logits, values, thresholds, ...expected } = pytorch.metrics
  const found = multilabelMetrics(
    { data: Float32Array.from(logits), shape: [40, 3] },
    Float32Array.from(values),
    ['a', 'b', 'c'],
    thresholds
  )
  for (const key of ['microF1', 'macroF1', 'exactMatch', 'labelAccuracy', 'logLoss'] as const)
    expect(found[key]).toBeCloseTo(expected[key]!, 5)
  found.perLabel.forEach((one, label) => {
    expect(one.averagePrecision).toBeCloseTo(expected.averagePrecision[label]!, 6)
    expect(one.rocAuc).toBeCloseTo(expected.rocAuc[label]!, 6)
    expect(one.f1).toBeCloseTo(expected.f1[label]!, 6)
  })
})

test('the best threshold and the curve of precision over recall', () => {
  const scores = [0.9, 0.8, 0.7, 0.6, 0.1]
  const positive = [1, 0, 1, 1, 0]
  expect(bestThreshold(scores, positive)).toBeCloseTo(0.35, 6)
  expect(precisionRecall(scores, positive)).toEqual([
    [1 / 3, 1],
    [1 / 3, 1 / 2],
    [2 / 3, 2 / 3],
    [1, 3 / 4],
    [1, 3 / 5]
  ])
  expect(bestThreshold([0.2, 0.3], [0, 0])).toBe(0.5)
})
