import { mkdtempSync, readFileSync, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test as it } from '@jest/globals'
import { openDataset } from '../../src/data/open.js'
import { test } from '../../src/evaluate/test.js'
import { train } from '../../src/train/train.js'

describe('train', () => {
  let root = ''
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'lrp-train-'))
  })

  it('reaches 95 % on the shipped digits with nothing said, and writes the experiment folder', async () => {
    const { experiment, model, history } = await train({ experimentsRoot: root })
    const { metrics } = await test(model, { data: await openDataset() })
    console.log(metrics.accuracy, history.map((e) => [e.trainLoss, e.validAccuracy]))
    expect(metrics.accuracy).toBeGreaterThanOrEqual(0.95)
    for (const file of ['experiment.json', 'model.json', 'weights.safetensors', 'checkpoints/last.safetensors', 'history.csv', 'charts/loss.svg', 'charts/loss.png', 'charts/accuracy.svg']) {
      expect(existsSync(experiment.path(file))).toBe(true)
    }
  })
})
