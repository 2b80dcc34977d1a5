import { beforeAll, describe, expect, test } from '@jest/globals'
import * as api from '../src/index.js'
import * as metrics from '../src/api/metrics.js'
import * as models from '../src/api/models.js'
import * as rules from '../src/api/rules.js'
import { stepsTo } from '../src/evaluate/perturbation/steps.js'

/** A JavaScript caller's options, which no compiler checks. */
const wrong = (name: string): never => ({ [name]: 1 }) as never

describe('an option that a public function does not know is refused with the nearest one', () => {
  let model: api.Model
  beforeAll(async () => {
    const options = { classes: 10, imageShape: [1, 8, 8] }
    model = await api.Model.create(await models.initialise(models.buildArchitecture('mlp', options), 0))
  })
  const input = { data: new Float32Array(64), shape: [1, 1, 8, 8] }

  const calls: [string, string, () => Promise<unknown>][] = [
    ['train', 'epochs', () => api.train(wrong('epoch'))],
    ['finetune', 'newHead', () => api.finetune(wrong('newhed'))],
    ['tune', 'trials', () => api.tune(wrong('trails'))],
    ['openDataset', 'dataPath', () => api.openDataset(wrong('datapath'))],
    ['explain', 'epsilon', () => api.explain(model, input, wrong('epsilom'))],
    ['planRules', 'rule', () => rules.planRules(model, wrong('rul'))],
    ['explainToFiles', 'format', () => api.explainToFiles(model, wrong('formats'))],
    ['testModel', 'split', () => metrics.testModel(model, wrong('splt'))],
    [
      'testRegression',
      'limit',
      () =>
        metrics.testRegression(Object.create(model, { task: { value: 'regression' } }) as api.Model, wrong('limits'))
    ],
    ['evaluate', 'methods', () => api.evaluate(model, wrong('method_s'))],
    ['removeFeatures', 'fraction', () => api.removeFeatures(model, wrong('fractions'))],
    ['scoreMaps', 'attribution', () => metrics.scoreMaps(model, wrong('atribution'))],
    ['serve', 'port', () => api.serve(model, wrong('prt'))],
    ['fitPatternsToDataset', 'kind', () => api.fitPatternsToDataset(model, wrong('knd'))],
    ['joinProcessGroup', 'peerTimeout', () => api.joinProcessGroup(wrong('peertimeout'))],
    ['Model.load', 'device', () => api.Model.load('none', wrong('devise'))]
  ]
  test.each(calls)('%s', async (_, meant, call) => {
    const sentence = new RegExp(`^there is no option '.*': did you mean '${meant}'\\?$`)
    await expect(call()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(sentence)
    })
  })
})

describe('an object of another kind is refused by the name of the option', () => {
  const something = {} as never
  const notTensor = { data: new Float32Array(3), shape: [2] }
  const calls: [string, () => Promise<unknown>][] = [
    ['data', () => api.train({ data: something })],
    ['data', () => api.train({ data: [] as never })],
    ['data', () => api.train({ data: { splits: { train: {} } } as never })],
    ['data', () => api.evaluate(something, { data: { name: 'a', classes: [], imageShape: [], splits: {} } as never })],
    ['preprocessing', () => api.openDataset({ preprocessing: something })],
    ['group', () => metrics.testModel(something, { group: something })],
    ['input', () => metrics.scoreMaps(something, { input: notTensor, attribution: notTensor })],
    ['constants', () => api.Model.load('none', { constants: { age: notTensor } })]
  ]
  test.each(calls)('%s', async (option, call) => {
    await expect(call()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`option '${option}`)
    })
  })
})

test('numbers of steps, draws and trials cannot exhaust the memory', async () => {
  expect(stepsTo(1, 2 ** 40)(64)).toHaveLength(65)
  expect(stepsTo(1, 2 ** 40, true)(64)).toHaveLength(65)
  const tooMany = { code: 'INVALID_ARGUMENT', message: expect.stringContaining('must be at most 10000') }
  await expect(api.evaluate({} as never, { draws: 2 ** 40 })).rejects.toMatchObject(tooMany)
  await expect(api.tune({ trials: 2 ** 40 })).rejects.toMatchObject(tooMany)
  const space = { learningRate: { min: 1e-4, max: 1 }, weightDecay: { min: 1e-6, max: 0.1 } }
  await expect(api.tune({ method: 'grid', gridPoints: 101, space })).rejects.toThrow('more than 10000 points')
})
