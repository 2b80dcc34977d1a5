import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Dataset } from '../../src/data/dataset.js'
import { openDataset } from '../../src/data/open.js'
import type { TrainOptions } from '../../src/train/options.js'
import { train } from '../../src/train/train.js'

const root = mkdtempSync(join(tmpdir(), 'lrp-side-by-side-'))
let digits: Dataset

beforeAll(async () => {
  digits = await openDataset()
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** The weights after an epoch, all in one list, and its loss and accuracy. */
async function weightsOf(options: Partial<TrainOptions>, threads: number): Promise<[number[], number[]]> {
  const common = { epochs: 1, batchSize: 64, optimizer: 'sgd', learningRate: 0.05, test: false } as const
  const { model, history } = await train({ data: digits, ...common, ...options, threads, experimentsRoot: root })
  const weights = [...(await model.stateDict()).values()].flatMap(({ data }) => [
    ...new Float32Array(data.slice().buffer)
  ])
  model.dispose()
  return [weights, [history[0]!.trainLoss, history[0]!.trainAccuracy, history[0]!.validLoss]]
}

const small: Partial<TrainOptions> = { model: 'mlp', hiddenSize: [32] }

test.each<[string, Partial<TrainOptions>]>([
  ['an MLP', small],
  ['convolutions', { model: 'lenet' }],
  ['weighted classes', { ...small, classWeights: [9, 1, 1, 4, 1, 1, 1, 1, 2, 1], labelSmoothing: 0.1 }],
  ['values', { ...small, loss: 'mse' }],
  ['several batches for each step', { ...small, accumulate: 3, gradientClip: 0.5 }],
  ['random changes of the images', { ...small, augment: 'crop=2' }]
])('two threads that take images of their own train as one does: %s', async (_, options) => {
  const [[one, oneScore], [two, twoScore]] = [await weightsOf(options, 1), await weightsOf(options, 2)]
  expect(two.length).toBe(one.length)
  expect(Math.max(...two.map((weight, i) => Math.abs(weight - one[i]!)))).toBeLessThan(1e-4)
  twoScore.forEach((score, i) => expect(score).toBeCloseTo(oneScore[i]!, 4))
})
