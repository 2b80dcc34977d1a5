import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Dataset } from '../../src/data/dataset.js'
import { openDataset } from '../../src/data/open.js'
import { Model } from '../../src/model/model.js'
import { checkSpace, gridSamples, randomSample, type GivenSpace } from '../../src/tune/space.js'
import { roundsOf, tune, type TuneOptions } from '../../src/tune/tune.js'

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
    [{ learningrat: [1] }, /'learningRate'/],
    [{ epochs: [1, 2] }, /'epochs' is the same/],
    [{ learningRate: { min: 1, max: 0 } }, /min must be below max|learningRate/],
    [{ learningRate: { min: 0, max: 1, scale: 'log' } }, /learningRate/],
    [{ learningRate: [] }, /learningRate/]
  ])('refuses %j', (space, message) => {
    expect(() => checkSpace(space)).toThrow(message)
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
    tune({ data: digits, space, epochs: 9, trials: 9, experimentsRoot: root, ...options })

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
      'charts/by-learningRate.png',
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

  test('a trial that diverges counts as failed', async () => {
    const exploding: GivenSpace = { optimizer: ['sgd'], loss: ['mse'], learningRate: [1e-2, 1e30] }
    const { trials, best } = await run({ method: 'grid', space: exploding, halving: 1, epochs: 2 })
    expect(trials.map((trial) => trial.state)).toEqual(['done', 'failed'])
    expect(trials[1]!.error).toMatch(/not finite/)
    expect(best!.settings.learningRate).toBe(1e-2)
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
    [{ momentum: 0.9 }, /'momentum' goes with the optimizer sgd or rmsprop, not adam/],
    [{ model: 'lenet' }, /'hiddenSize' goes with the model mlp, not lenet/],
    [{ space: { augment: ['flip', 'crop=8'] } }, /crop=8: the padding must be smaller/],
    [{ method: 'bayes' as 'grid' }, /method/],
    [{ space: { optimizer: ['adan'] } }, /'adam'/],
    [{ space: { batchSize: [0] } }, /batchSize/],
    [{ resume: 'nothing' }, /nothing/]
  ] as [TuneOptions, RegExp][])('refuses %j', async (options, message) => {
    await expect(run(options)).rejects.toThrow(message)
  })
})
