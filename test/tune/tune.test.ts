import { toKebab } from '../../src/core/flag-names.js'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import fc from 'fast-check'
import type { Dataset } from '../../src/data/dataset.js'
import { openDataset } from '../../src/data/open.js'
import { packageRoot } from '../../src/core/paths.js'
import { Model } from '../../src/model/model.js'
import { checkSettings } from '../../src/train/settings.js'
import { checkSpace, gridSamples, randomSample, searchableFlags, settingsFrom } from '../../src/tune/space.js'
import type { GivenSpace, TuneOptions } from '../../src/tune/options.js'
import { roundsOf, tune } from '../../src/tune/tune.js'

jest.setTimeout(600_000)

describe('the search space', () => {
  test('a grid holds every combination, ranges with both ends', () => {
    const space = checkSpace({
      'learning-rate': { min: 1e-4, max: 1e-2, scale: 'log' },
      hiddenSize: [[8], [16, 8]],
      batchSize: { min: 8, max: 32, integer: true }
    })
    const samples = gridSamples(space, 3)
    expect(samples).toHaveLength(18)
    expect([...new Set(samples.map((one) => one.learningRate))]).toEqual([0.0001, 0.001, 0.01])
    expect([...new Set(samples.map((one) => one.batchSize))]).toEqual([8, 20, 32])
    expect(new Set(samples.map((one) => JSON.stringify(one))).size).toBe(18)
  })

  test('random samples lie within, depend on seed and number alone, and spread over a log scale', () => {
    const given: GivenSpace = {
      learningRate: { min: 1e-5, max: 1, scale: 'log' },
      optimizer: { choice: ['sgd', 'adam'] }
    }
    const space = checkSpace(given)
    fc.assert(
      fc.property(fc.nat(1e6), fc.nat(1e4), (seed, index) => {
        const one = randomSample(space, seed, index)
        expect(one).toEqual(randomSample(space, seed, index))
        expect(one.learningRate).toBeGreaterThanOrEqual(1e-5)
        expect(one.learningRate).toBeLessThanOrEqual(1)
      })
    )
    const many = Array.from({ length: 400 }, (_, i) => randomSample(space, 1, i))
    const small = many.filter((one) => (one.learningRate as number) < 10 ** -2.5).length
    expect(small).toBeGreaterThan(150)
    expect(small).toBeLessThan(250)
    expect(new Set(many.map((one) => one.optimizer)).size).toBe(2)
  })

  test.each([
    [{}, /empty/],
    [
      { learningrat: [1] },
      /no setting 'learningrat' \(did you mean 'learning-rate'\?\).*choose from valid-split,.*, epochs, seed/
    ],
    [
      { 'data-path': ['a', 'b'] },
      /'data-path' cannot be searched, because all trials use the same value; choose from valid-split/
    ],
    [{ learningRate: { min: 1, max: 0 } }, /min must be below max|learningRate/],
    [{ learningRate: { min: 0, max: 1, scale: 'log' } }, /learningRate/],
    [{ learningRate: [] }, /learningRate/]
  ])('refuses %j', (space, message) => {
    expect(() => checkSpace(space)).toThrow(message)
  })

  test('what can be searched stands in the documentation', () => {
    const text = readFileSync(join(packageRoot, 'docs', 'training.md'), 'utf8').replace(/[`\s]+/g, ' ')
    expect(text).toContain(` ${searchableFlags().join(' , ')} . `)
  })

  test('one value stands for a list of it, as behind a flag', () => {
    const given = { imageSize: 12, hiddenSize: 8, freeze: '^1', batchSize: 4 }
    const lists = { imageSize: [12, 12], hiddenSize: [8], freeze: ['^1'], batchSize: 4 }
    expect(settingsFrom(checkSettings({}, 'test'), given)).toMatchObject(lists)
    expect(settingsFrom(checkSettings({}, 'test'), { imageSize: [8, 9], hiddenSize: [2, 3] })).toMatchObject({
      imageSize: [8, 9],
      hiddenSize: [2, 3]
    })
  })

  test('rounds of successive halving', () => {
    expect(roundsOf(27, 27, 3)).toEqual([1, 3, 9, 27])
    expect(roundsOf(20, 9, 3)).toEqual([2, 7, 20])
    expect(roundsOf(20, 9, 1)).toEqual([20])
    expect(roundsOf(20, 1, 3)).toEqual([20])
  })
})

describe('tune', () => {
  const root = mkdtempSync(join(tmpdir(), 'lrp-tune-'))
  let digits: Dataset
  beforeAll(async () => {
    digits = await openDataset()
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  const space: GivenSpace = { learningRate: { min: 1e-5, max: 0.03, scale: 'log' }, hiddenSize: [[16], [32]] }
  const run = (options: TuneOptions) =>
    tune({
      data: digits,
      space,
      epochs: 9,
      trials: options.method === 'grid' ? undefined : 9,
      experimentsRoot: root,
      ...options
    })

  test('finds settings that work; hopeless trials end early; the best is an experiment like any other', async () => {
    const { experiment, trials, best, completed } = await run({ parallel: 2 })
    expect(completed).toBe(true)
    expect(trials.map((trial) => trial.epochs).sort((a, b) => a - b)).toEqual([1, 1, 1, 1, 1, 1, 3, 3, 9])
    expect(best!.state).toBe('done')
    expect(best!.score).toBeGreaterThan(0.75)
    const model = await Model.load(experiment.folder)
    expect(model.graph.nodes.find((node) => node.name === '1')).toBeDefined()
    model.dispose()
    for (const file of [
      'tune.csv',
      'history.csv',
      'charts/trials.svg',
      'charts/by-learning-rate.png',
      'trials/trial-000/experiment.json'
    ]) {
      expect([file, existsSync(experiment.path(file))]).toEqual([file, true])
    }
    expect(experiment.manifest.command.learningRate).toBe(best!.settings.learningRate)
    expect(readFileSync(experiment.path('tune.csv'), 'utf8').split('\n')).toHaveLength(11)
  })

  test('stopped and resumed, finds what a search that was not finds', async () => {
    const whole = await run({})
    const stop = new AbortController()
    let reports = 0
    const onTrial = (): void => {
      if (++reports === 4) stop.abort()
    }
    const stopped = await run({ onTrial, signal: stop.signal })
    expect(stopped.completed).toBe(false)
    const resumed = await tune({ data: digits, resume: stopped.experiment.name, experimentsRoot: root })
    expect(resumed.completed).toBe(true)
    expect(resumed.trials).toEqual(whole.trials)
  })

  test('how images are opened is searched like all else, each way opened once a round', async () => {
    const space: GivenSpace = { imageSize: [8, [12, 10]], channels: [1, 3], freeze: [[], '^1'] }
    const shapes: string[] = []
    const onData = ({ imageShape }: Dataset): unknown => shapes.push(imageShape.join('x'))
    const { trials, best, experiment } = await run({
      data: 'digits',
      space,
      method: 'grid',
      halving: 1,
      epochs: 1,
      onData
    })
    expect(shapes.sort()).toEqual(['1x12x10', '1x8x8', '3x12x10', '3x8x8'])
    expect(trials.map((trial) => trial.state)).toEqual(Array(8).fill('done'))
    const { channels, imageSize } = best!.settings
    const [height, width] = [imageSize].flat().length === 2 ? [12, 10] : [8, 8]
    const model = await Model.load(experiment.folder)
    expect(model.imageShape).toEqual([channels, height, width])
    model.dispose()
    expect(experiment.manifest.command).toMatchObject({ channels, imageSize: [height, width] })
    const frozen = trials.filter((trial) => trial.settings.freeze === '^1').map((trial) => trial.score)
    expect(frozen).not.toEqual(trials.filter((trial) => trial.settings.freeze !== '^1').map((trial) => trial.score))
  })

  test('a search over how images are opened goes on after a stop', async () => {
    const stop = new AbortController()
    const options: TuneOptions = {
      data: 'digits',
      space: { imageSize: [8, 10] },
      method: 'grid',
      halving: 1,
      epochs: 1
    }
    const { experiment, completed } = await run({ ...options, signal: stop.signal, onTrial: () => stop.abort() })
    expect(completed).toBe(false)
    const { trials } = await tune({ resume: experiment.name, experimentsRoot: root })
    expect(trials.map(({ settings, state }) => [settings.imageSize, state]).sort()).toEqual([
      [10, 'done'],
      [8, 'done']
    ])
  })

  test('epochs are searched where no halving decides them', async () => {
    const { trials } = await run({ space: { epochs: [1, 3] }, method: 'grid', halving: 1, epochs: 2 })
    expect(trials.map(({ settings, epochs, curve }) => [settings.epochs, epochs, curve.length]).sort()).toEqual([
      [1, 1, 1],
      [3, 3, 3]
    ])
  })

  test('tune.csv holds values as flags take them, and every setting has a chart', async () => {
    const space: GivenSpace = {
      optimizer: ['adam'],
      hiddenSize: [[16, 8], 8],
      batchSize: { min: 8, max: 32, integer: true }
    }
    const { experiment } = await run({ space, trials: 2, halving: 1, epochs: 1 })
    const [header, ...rows] = readFileSync(experiment.path('tune.csv'), 'utf8').trim().split('\n')
    expect(header).toBe('trial,optimizer,hidden-size,batch-size,trained_epochs,valid_accuracy,state,error')
    for (const row of rows) expect(row).toMatch(/^\d,adam,(16 8|8),\d+,1,0\.\d+,done,$/)
    for (const name of Object.keys(space))
      expect(existsSync(experiment.path('charts', `by-${toKebab(name)}.png`))).toBe(true)
  })

  test('no two of many trials have one colour, but those that share the neutral one', async () => {
    const { experiment } = await run({ trials: 9, halving: 1, epochs: 2 })
    const svg = readFileSync(experiment.path('charts', 'trials.svg'), 'utf8')
    const lines = [...svg.matchAll(/stroke="(#\w+)" stroke-width="2" stroke-linejoin="bevel"/g)].map(
      (found) => found[1]
    )
    const coloured = lines.filter((colour) => colour !== '#c4c4c4')
    expect([lines.length, coloured.length, new Set(coloured).size]).toEqual([9, 6, 6])
  })

  test('a trial that diverges counts as failed', async () => {
    const exploding: GivenSpace = { optimizer: ['sgd'], loss: ['mse'], learningRate: [1e-2, 1e30] }
    const { trials, best, experiment } = await run({ method: 'grid', space: exploding, halving: 1, epochs: 2 })
    expect(trials.map((trial) => trial.state)).toEqual(['done', 'failed'])
    expect(trials[1]!.error).toMatch(/not finite/)
    expect(best!.settings.learningRate).toBe(1e-2)
    expect(readFileSync(experiment.path('tune.csv'), 'utf8')).toMatch(/failed,.*not finite/)
  })

  test('so does one whose settings do not go together', async () => {
    const space: GivenSpace = { classWeights: [[1, 2, 3], 'balanced'] }
    const { trials } = await run({ method: 'grid', space, halving: 1, epochs: 1 })
    expect(trials.map(({ state, error }) => [state, error])).toEqual([
      ['done', undefined],
      ['failed', "option 'classWeights' must have one number for each of the 10 classes, not 3"]
    ])
  })

  test('a search in which every trial fails has failed', async () => {
    const options: TuneOptions = { method: 'grid', space: { learningRate: [1e30, 1e31] }, halving: 1, epochs: 1 }
    const error: unknown = await run({ ...options, optimizer: 'sgd', experimentName: 'all' }).catch((one) => one)
    expect(error).toMatchObject({ code: 'NUMERIC' })
    expect(String(error)).toMatch(/no trial succeeded .* trial 0 failed: .*not finite/)
    expect(readFileSync(join(root, 'all', 'tune.csv'), 'utf8').match(/failed,the loss is not finite/g)).toHaveLength(2)
  })

  test('trials may combine settings that do not go together: what has no effect in one is nothing to refuse', async () => {
    const mixed: GivenSpace = { optimizer: ['sgd', 'adam'], loss: ['mse', 'cross-entropy'], model: ['mlp', 'lenet'] }
    const given = {
      momentum: 0.9,
      nesterov: true,
      classWeights: 'balanced' as const,
      labelSmoothing: 0.1,
      hiddenSize: [8]
    }
    const { trials } = await run({ method: 'grid', space: mixed, halving: 1, epochs: 1, ...given })
    expect(trials.map((trial) => trial.state)).toEqual(Array(8).fill('done'))
    const { trials: still } = await run({
      method: 'grid',
      space: { momentum: [0, 0.9] },
      optimizer: 'sgd',
      nesterov: true,
      halving: 1,
      epochs: 1
    })
    expect(still.map((trial) => trial.state)).toEqual(['done', 'done'])
  })

  test.each([
    [{ momentum: 0.9 }, /'momentum' works only with the optimizer sgd or rmsprop, not adam/],
    [{ model: 'lenet' }, /'hiddenSize' works only with the model mlp, not lenet/],
    [{ space: { augment: ['flip', 'crop=8'] } }, /padding of the augmentation crop=8 must be smaller/],
    [{ method: 'bayes' as 'grid' }, /method/],
    [{ method: 'grid', trials: 3 }, /^option 'trials' works only with the method random, not grid$/],
    [{ gridPoints: 2 }, /^option 'gridPoints' works only with the method grid, not random$/],
    [{ space: undefined }, /^tune needs 'space' \(the settings to search\) or 'resume' \(a stopped search\)$/],
    [{ space: { batchSize: [0] } }, /batchSize/],
    [{ space: { optimizer: ['sgd', 'adan'] }, trials: 1, seed: 1 }, /'adam'/],
    [{ space: { model: ['mlp', 'lenett'] } }, /'lenet'/],
    [{ space: { momentum: { min: 0, max: 1 } } }, /momentum/],
    [{ space: { batchSize: { min: 8, max: 32 } } }, /batchSize must be a whole number/],
    [{ space: { freeze: ['^1', '('] } }, /freeze.*not a regular expression/],
    [{ space: { preprocess: ['imagenet', 'none.json'] }, data: 'digits' }, /none\.json/],
    [{ space: { model: ['mlp', 'none.json'] } }, /none\.json/],
    [{ space: { epochs: [1, 2] } }, /epochs can be searched only with --halving 1/],
    [{ space: { imageSize: [8, 12] } }, /'image-size' cannot be searched, because the data set digits is already open/],
    [{ space: { validSplit: [0.1, 1] }, data: 'digits' }, /validSplit/],
    [{ resume: 'nothing' }, /nothing/]
  ] as [TuneOptions, RegExp][])('refuses %j', async (options, message) => {
    await expect(run(options)).rejects.toThrow(message)
  })
})
