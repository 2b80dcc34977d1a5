import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import sharp from 'sharp'
import type { Split } from '../../src/data/dataset.js'
import { openDataset } from '../../src/data/open.js'
import { contactSheet, inspectDataset } from '../../src/data/inspect.js'
import { npyBytes } from '../../src/core/npy.js'
import { evaluate } from '../../src/evaluate/evaluate.js'
import { regressionMetrics } from '../../src/scores/regression.js'
import { testClassifier } from '../../src/scores/test-classifier.js'
import { testRegression } from '../../src/scores/test-regression.js'
import { openExperiment } from '../../src/experiment/experiment.js'
import { explain } from '../../src/explain/explain.js'
import { finetune } from '../../src/finetune/finetune.js'
import type { FinetuneOptions } from '../../src/finetune/options.js'
import { checkValueHead } from '../../src/train/head.js'
import { Model } from '../../src/model/model.js'
import { report } from '../../src/report/report.js'
import { train, type TrainOptions } from '../../src/train/train.js'
import type { TuneOptions } from '../../src/tune/options.js'
import { tune } from '../../src/tune/tune.js'

jest.setTimeout(600_000)

let root = ''
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'lrp-regression-'))
  mkdirSync(join(root, 'grey'))
  for (let i = 0; i < 12; i++) {
    const background = { r: i * 20, g: i * 20, b: i * 20 }
    await sharp({ create: { width: 4, height: 4, channels: 3, background } }).toFile(join(root, 'grey', `${i}.png`))
  }
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const list = (name: string, lines: string[]): string => {
  writeFileSync(join(root, name), lines.join('\n'))
  return join(root, name)
}
const rows = (line: (i: number) => string): string[] => Array.from({ length: 12 }, (_, i) => `grey/${i}.png,${line(i)}`)

test('R2, MAE and RMSE are those of scikit-learn', () => {
  const metrics = regressionMetrics([0, 2, -1, 2, 8, -5], [0.5, 1, -1, 1, 7, -6], ['a', 'b'])
  expect(metrics.r2).toBeCloseTo(0.9368005266622779, 12)
  expect(metrics.mae).toBeCloseTo(0.75, 12)
  expect(metrics.rmse).toBeCloseTo(0.8227486121839513, 12)
  expect(metrics.perOutput[1]).toMatchObject({ name: 'b', mae: 1, rmse: 1 })
  expect(regressionMetrics([2, 2], [2, 2], ['a']).r2).toBe(1)
  expect(regressionMetrics([2, 3], [2, 2], ['a']).r2).toBe(0)
})

describe('values are read', () => {
  test('from a CSV file, by the headings of its columns', async () => {
    const lines = ['path,age,height,split', ...rows((i) => `${i}.5,${-i},${i < 8 ? 'train' : 'test'}`)]
    const { task, classes, splits } = await openDataset({
      dataPath: list('two.csv', lines),
      task: 'regression',
      validSplit: 0.25
    })
    expect([task, classes]).toEqual(['regression', ['age', 'height']])
    expect(splits.test.values).toEqual(Float32Array.of(8.5, -8, 9.5, -9, 10.5, -10, 11.5, -11))
    expect([splits.train.labels.length, splits.valid.labels.length]).toEqual([6, 2])
    splits.train.paths!.forEach((path, i) => expect(path).toContain(`/${splits.train.values![2 * i]! - 0.5}.png`))
  })

  test('from arrays', async () => {
    const folder = join(root, 'arrays')
    mkdirSync(folder)
    writeFileSync(join(folder, 'x.npy'), npyBytes({ data: new Float32Array(10 * 16).fill(0.5), shape: [10, 4, 4] }))
    const data = Float32Array.from({ length: 20 }, (_, i) => i / 4)
    writeFileSync(join(folder, 'y.npy'), npyBytes({ data, shape: [10, 2] }))
    const { classes, splits } = await openDataset({ dataPath: folder, task: 'regression', testSplit: 0, validSplit: 0 })
    expect(classes).toEqual(['value 1', 'value 2'])
    expect(splits.train.values).toEqual(data)
  })

  test('from the names of classes', async () => {
    const [classes, values] = [await openDataset(), await openDataset({ task: 'regression' })]
    expect(values.classes).toEqual(['value'])
    expect(Array.from(values.splits.test.values!)).toEqual(Array.from(classes.splits.test.labels))
  })

  test('and shown by data inspect', async () => {
    const dataset = await openDataset({ task: 'regression' })
    const { splits } = await inspectDataset(dataset)
    expect(splits.train).toEqual({ images: 1258, ranges: [[0, 9]] })
    expect((await sharp(await contactSheet(dataset)).metadata()).width).toBeGreaterThan(500)
  })

  test.each([
    [
      'a word for a number',
      rows((i) => (i === 3 ? 'tall' : '1')),
      /words\.csv, line 4: a regression needs numbers as labels, not 'tall'/
    ],
    [
      'a value too many',
      rows((i) => (i === 3 ? '1,2' : '1')),
      /words\.csv, line 4: .*grey\/3\.png has 2 values, but the first image has 1/
    ]
  ])('but not %s', async (_, lines, message) => {
    await expect(openDataset({ dataPath: list('words.csv', lines), task: 'regression' })).rejects.toThrow(message)
  })
})

describe('a regression', () => {
  const settings: TrainOptions = {
    task: 'regression',
    hiddenSize: [32],
    epochs: 6,
    learningRate: 0.01,
    normalise: 'fit'
  }
  let name = ''
  beforeAll(async () => {
    const { experiment, model } = await train({ ...settings, experimentsRoot: root, experimentName: 'digits' })
    model.dispose()
    name = experiment.folder
  })

  test('is learnt, tested, explained, evaluated and reported', async () => {
    using model = await Model.load(name)
    expect(model.task).toBe('regression')
    const output = join(name, 'test')
    const { metrics, predictions, values } = await testRegression(model, { output })
    expect(metrics.r2).toBeGreaterThan(0.7)
    expect(metrics.mae).toBeCloseTo(
      values.reduce((sum, value, i) => sum + Math.abs(value - predictions.data[i]!), 0) / values.length,
      6
    )
    expect(JSON.parse(readFileSync(join(output, 'metrics.json'), 'utf8'))).toMatchObject({
      task: 'regression',
      images: 359
    })
    const image = { data: new Float32Array(64).fill(1), shape: [1, 1, 8, 8] }
    const { logits, targets } = await explain(model, image)
    expect([logits.shape, Array.from(targets)]).toEqual([[1, 1], [0]])
    const { methods, settings } = await evaluate(model, { methods: ['epsilon', 'random'], limit: 20 })
    expect(settings.perturbation.measure).toBe('logit')
    expect(methods[0]!.name).toBe('epsilon')
    const page = readFileSync((await report([await openExperiment(name)])).report, 'utf8')
    expect(page).toContain(`<b>${metrics.r2.toFixed(4)}</b> R2`)
  })

  test('goes on after a stop to the same weights', async () => {
    const half = { ...settings, experimentsRoot: root, experimentName: 'half' }
    ;(await train({ ...half, untilEpoch: 3 })).model.dispose()
    const { model, history } = await train({ resume: 'half', experimentsRoot: root })
    model.dispose()
    expect(history.map(({ trainAccuracy }) => trainAccuracy)).toEqual(Array(6).fill(NaN))
    const weights = (folder: string): Buffer => readFileSync(join(folder, 'weights.safetensors'))
    expect(weights(join(root, 'half')).equals(weights(name))).toBe(true)
  })

  test('is tuned by its loss', async () => {
    const space = { learningRate: [1e-6, 1e-2] }
    const search: TuneOptions = { ...settings, method: 'grid', halving: 1, space, experimentsRoot: root, epochs: 2 }
    const { trials, measure } = await tune(search)
    expect(measure).toBe('loss')
    expect(trials.map((trial) => trial.settings.learningRate)).toEqual([1e-2, 1e-6])
    expect(trials[0]!.score).toBeLessThan(trials[1]!.score!)
  })

  const onto: FinetuneOptions = { epochs: 4, learningRate: 0.01 }
  const finetuned = (options: FinetuneOptions) => finetune({ model: name, ...onto, experimentsRoot: root, ...options })

  test.each([
    ['its last layer', {}],
    ['its last layer, on changed images', { augment: { crop: 1 } }],
    ['all of it', { mode: 'whole' as const }]
  ])('is fine-tuned as one, %s, and goes on after a stop', async (_, options) => {
    const whole = await finetuned(options)
    expect(whole.model.task).toBe('regression')
    expect(whole.test).toBeUndefined()
    expect(whole.testRegression!.metrics.r2).toBeGreaterThan(0.6)
    expect(existsSync(whole.experiment.path('test', 'predictions.csv'))).toBe(true)
    expect(whole.experiment.manifest.command).toMatchObject({ task: 'regression', loss: 'mse' })
    const { experiment } = await finetuned({ ...options, untilEpoch: 2 })
    const resumed = await finetune({ resume: experiment.name, experimentsRoot: root })
    expect(resumed.testRegression!.metrics).toEqual(whole.testRegression!.metrics)
    for (const { model } of [whole, resumed]) model.dispose()
  })

  test('keeps its head for as many values, and gets a new one for others, or where that is asked for', async () => {
    const still: FinetuneOptions = { epochs: 1, learningRate: 1e-9 }
    const [kept, fresh] = [await finetuned(still), await finetuned({ ...still, newHead: true })]
    expect(kept.testRegression!.metrics.r2).toBeGreaterThan(0.7)
    expect(fresh.testRegression!.metrics.r2).toBeLessThan(0.2)
    const digits = await openDataset({ task: 'regression' })
    const both = (values: Float32Array): number[] => Array.from(values).flatMap((value) => [value, -value])
    const twice = (split: Split): Split => ({ ...split, values: Float32Array.from(both(split.values!)) })
    const { train, valid, test } = digits.splits
    const splits = { train: twice(train), valid: twice(valid), test: twice(test) }
    const two = await finetuned({ data: { ...digits, classes: ['up', 'down'], splits }, learningRate: 0.02 })
    expect(two.model.classes).toEqual(['up', 'down'])
    expect(two.testRegression!.metrics.perOutput.map((one) => one.r2 > 0.4)).toEqual([true, true])
    for (const { model } of [kept, fresh, two]) model.dispose()
  })

  test('becomes a classifier where that is asked for, and a classifier a regression', async () => {
    const classes = await finetuned({ task: 'classification', learningRate: 0.02 })
    expect(classes.test!.metrics.accuracy).toBeGreaterThan(0.5)
    const values = await finetuned({ model: classes.experiment.name, task: 'regression' })
    expect(values.testRegression!.metrics.r2).toBeGreaterThan(0.5)
    for (const { model } of [classes, values]) model.dispose()
    const data = await openDataset()
    await expect(finetuned({ data })).rejects.toThrow('digits is for the task classification, not for regression')
  })

  test('is not learnt through a softmax', () => {
    const node = (name: string, op: string, parameters = {}) => ({ name, op, inputs: [], attributes: {}, parameters })
    const [weights, softmax] = [node('fc', 'linear', { weight: 'w' }), node('p', 'log_softmax')]
    const graph = { inputShape: [null, 4], nodes: [weights, softmax], output: 'p' }
    expect(() => checkValueHead(graph)).toThrow("a network for regression cannot end in log_softmax (node 'p')")
    expect(() => checkValueHead({ ...graph, nodes: [softmax, weights], output: 'fc' })).not.toThrow()
  })

  test('is refused what only classes have', async () => {
    using model = await Model.load(name)
    const image = { data: new Float32Array(64), shape: [1, 1, 8, 8] }
    await expect(testClassifier(model)).rejects.toThrow('a model that predicts values')
    await expect(explain(model, image, { start: 'probability' })).rejects.toThrow('a regression has no probability')
    await expect(evaluate(model, { perturbation: { measure: 'probability' } })).rejects.toThrow('no probabilities')
    await expect(evaluate(model, { metrics: ['road'] })).rejects.toThrow("the metric 'road' needs classes")
    await expect(train({ ...settings, loss: 'nll' })).rejects.toThrow(
      'the task regression needs the loss mse, mae or huber'
    )
    await expect(testRegression(model, { data: await openDataset() })).rejects.toThrow(
      'the model was made for the task regression, but the data set digits is for the task classification'
    )
  })
})
