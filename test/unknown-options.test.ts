import { beforeAll, describe, expect, test } from '@jest/globals'
import * as api from '../src/index.js'
import * as metrics from '../src/api/metrics.js'
import * as models from '../src/api/models.js'
import * as rules from '../src/api/rules.js'

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
