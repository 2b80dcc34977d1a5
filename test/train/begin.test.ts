import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import sharp from 'sharp'
import type { Dataset } from '../../src/data/dataset.js'
import { testClassifier as test } from '../../src/scores/test-classifier.js'
import { finetune } from '../../src/finetune/finetune.js'
import { normaliseBytes } from '../../src/model/preprocessing.js'
import { train, type TrainResult } from '../../src/train/train.js'

jest.setTimeout(600_000)

let root = ''
let images = ''
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'lrp-begin-'))
  images = join(root, 'images')
  for (const [label, background] of [
    ['dark', '#300810'],
    ['light', '#a0d0c8']
  ] as const) {
    mkdirSync(join(images, label), { recursive: true })
    for (let i = 0; i < 10; i++) {
      const noise = { type: 'gaussian', mean: 0, sigma: 5 + i } as const
      await sharp({ create: { width: 20, height: 16, channels: 3, background, noise } }).toFile(
        join(images, label, `${i}.png`)
      )
    }
  }
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const common = (): object => ({ experimentsRoot: root, epochs: 1, threads: 1 })
const weights = ({ experiment }: TrainResult): string =>
  readFileSync(experiment.path('weights.safetensors')).toString('base64')

describe('a fresh network', () => {
  it('of an architecture for other images sees those it was trained on when it is used', async () => {
    const result = await train({ ...common(), dataPath: images, model: 'resnet20', validSplit: 0.2, seed: 3 })
    const { model, history } = result
    expect(model.preprocessing).toMatchObject({ resize: [16, 20], mean: [0, 0, 0], std: [1, 1, 1] })
    const { metrics } = await test(model, {
      dataPath: images,
      validSplit: 0.2,
      testSplit: 0.1,
      seed: 3,
      split: 'valid'
    })
    expect(metrics.logLoss).toBeCloseTo(history[0]!.validLoss, 4)
    model.dispose()
  })

  it('takes images of one channel, whatever its architecture is for', async () => {
    const { model } = await train({ ...common(), model: 'resnet20', batchSize: 256 })
    expect(model.preprocessing!.mean).toEqual([0])
    model.dispose()
  })

  it('keeps how images are asked to be prepared, and fits the values to that', async () => {
    const preprocess = join(root, 'pre.json')
    const values = { channels: 1, channelOrder: 'rgb', scale: 1, mean: [0.25], std: [0.5] }
    writeFileSync(preprocess, JSON.stringify({ resize: 12, crop: [10, 8], ...values }))
    const given = await train({ ...common(), dataPath: images, preprocess })
    expect(given.model.preprocessing).toEqual({ resize: 12, crop: [10, 8], ...values })
    expect(given.model.imageShape).toEqual([1, 10, 8])
    const fitted = await train({ ...common(), dataPath: images, preprocess, normalise: 'fit' })
    expect(fitted.model.preprocessing).toMatchObject({ resize: 12, crop: [10, 8] })
    expect(fitted.model.preprocessing!.mean).not.toEqual([0.25])
    for (const { model } of [given, fitted]) model.dispose()
  })

  it.each(['rgb', 'bgr'] as const)('fits the values to the channels in the order %s', async (channelOrder) => {
    const preprocess = join(root, `${channelOrder}.json`)
    const none = { scale: 1, mean: [0, 0, 0], std: [1, 1, 1] }
    writeFileSync(preprocess, JSON.stringify({ resize: [4, 4], channels: 3, channelOrder, ...none }))
    const bytes = Uint8Array.from({ length: 8 * 48 }, (_, i) => [10, 90, 250][Math.floor(i / 16) % 3]! - (i % 5))
    const split = { images: bytes, labels: Int32Array.from([0, 1, 0, 1, 0, 1, 0, 1]) }
    const splits = { train: split, valid: split, test: split }
    const data: Dataset = { name: 'colours', classes: ['a', 'b'], imageShape: [3, 4, 4], splits, skipped: [] }
    const { model } = await train({ ...common(), data, preprocess, normalise: 'fit' })
    const { data: values } = normaliseBytes(bytes, [8, 3, 4, 4], model.preprocessing!)
    model.dispose()
    for (const channel of [0, 1, 2]) {
      const own = Array.from(values).filter((_, i) => Math.floor(i / 16) % 3 === channel)
      const [mean, square] = [1, 2].map((power) => own.reduce((sum, value) => sum + value ** power, 0) / own.length)
      expect(mean).toBeCloseTo(0, 3)
      expect(square).toBeCloseTo(1, 3)
    }
  })
})

describe('experiment.json', () => {
  it('keeps the images of every class and the shares they were split by', async () => {
    const { model, experiment } = await train({ ...common(), dataPath: images, validSplit: 0.2, testSplit: 0.4 })
    model.dispose()
    const { data, command } = experiment.manifest as unknown as { data: object; command: object }
    expect(data).toMatchObject({ perClass: { train: [5, 5], valid: [1, 1], test: [4, 4] } })
    expect(command).toMatchObject({ validSplit: 0.2, testSplit: 0.4 })
  })

  it('keeps files by their whole paths, so that a run can be resumed from another folder', async () => {
    const preprocessing = { channels: 1, resize: [8, 8], channelOrder: 'rgb', scale: 1, mean: [0.5], std: [0.5] }
    const file = join(root, 'preprocessing.json')
    writeFileSync(file, JSON.stringify(preprocessing))
    const first = await train({ ...common(), dataPath: images, preprocess: relative('.', file), untilEpoch: 1 })
    first.model.dispose()
    expect(first.experiment.manifest.command).toMatchObject({ dataPath: images, preprocess: file })
    const from = relative('.', first.experiment.folder)
    const second = await train({ ...common(), dataPath: relative('.', images), from, epochs: 2, untilEpoch: 1 })
    second.model.dispose()
    expect(second.experiment.manifest.command).toMatchObject({ dataPath: images, from: first.experiment.folder })
    const resumed = await train({ ...common(), resume: second.experiment.name, from, epochs: 2 })
    resumed.model.dispose()
    expect(resumed.history).toHaveLength(2)
  })
})

describe('a run that was killed before its first checkpoint', () => {
  it.each(['train', 'finetune'] as const)('begins anew in its folder when it is resumed: %s', async (command) => {
    const base = await train({ ...common(), dataPath: images, experimentName: 'base' })
    base.model.dispose()
    const options = { ...common(), dataPath: images, epochs: 2 }
    const run = (more: object): Promise<TrainResult> =>
      command === 'train' ? train({ ...options, ...more }) : finetune({ ...options, ...more })
    const whole = await run(command === 'train' ? {} : { model: base.experiment.folder })
    whole.model.dispose()
    const before = weights(whole)
    for (const name of ['checkpoints', 'model.json', 'weights.safetensors', 'history.csv']) {
      rmSync(whole.experiment.path(name), { recursive: true })
    }
    const leftover = whole.experiment.path(`.weights.safetensors.${spawnSync('true').pid}.0badcafe.tmp`)
    writeFileSync(leftover, 'half')
    const again = await run({ resume: whole.experiment.name })
    again.model.dispose()
    expect(again.experiment.folder).toBe(whole.experiment.folder)
    expect(weights(again)).toBe(before)
    expect(() => readFileSync(leftover)).toThrow('ENOENT')
  })
})

describe('a run that cannot begin', () => {
  it.each([
    ['a device that is not there', { device: 'cuda:7' }, 'DEVICE'],
    ['a precision that the device has not', { precision: 'fp16' as const, device: 'cpu' }, 'UNSUPPORTED'],
    ['class weights for other classes', { classWeights: [1, 2, 3] }, 'INVALID_ARGUMENT']
  ])('leaves no experiment: %s', async (_, options, code) => {
    const before = readdirSync(root)
    await expect(train({ ...common(), ...options })).rejects.toMatchObject({ code })
    const [model] = before.filter((name) => name.startsWith('mlp'))
    const from = { ...common(), model: join(root, model!), dataPath: images, imageSize: [8, 8] as [number, number] }
    await expect(finetune({ ...from, channels: 1, ...options })).rejects.toMatchObject({ code })
    expect(readdirSync(root)).toEqual(before)
  })
})
