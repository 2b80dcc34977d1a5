import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import sharp from 'sharp'
import { fingerprint, loadImages, type Dataset } from '../../src/data/dataset.js'
import { openDataset } from '../../src/data/open.js'
import { testClassifier as test } from '../../src/scores/test-classifier.js'
import { finetune } from '../../src/finetune/finetune.js'
import type { Preprocessing } from '../../src/core/graph.js'
import { plainPreprocessing } from '../../src/model/preprocessing.js'
import { train, type TrainOptions, type TrainResult } from '../../src/train/train.js'

const plain = plainPreprocessing([3, 8, 8])
const preprocessing: Preprocessing = { ...plain, resize: 12, crop: [8, 8] }
let folder = ''
let preprocess = ''
let images = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lrp-crop-'))
  images = join(folder, 'images')
  preprocess = join(folder, 'preprocessing.json')
  writeFileSync(preprocess, JSON.stringify(preprocessing))
  for (const [label, background] of [
    ['dark', '#300810'],
    ['light', '#a0d0c8']
  ] as const) {
    mkdirSync(join(images, label), { recursive: true })
    for (let i = 0; i < 20; i++) {
      const noise = { type: 'gaussian', mean: 0, sigma: 20 } as const
      const create = { width: 16 + (i % 3), height: 14, channels: 3, background, noise } as const
      await sharp({ create }).toFile(join(images, label, `${i}.png`))
    }
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const open = (more = {}): Promise<Dataset> =>
  openDataset({ dataPath: images, preprocessing, randomCrop: true, ...more })

function run(options: TrainOptions = {}): Promise<TrainResult> {
  const settings = { model: 'mlp', hiddenSize: [8], epochs: 4, batchSize: 8, preprocess, augment: 'random-crop,flip' }
  return train({
    ...settings,
    dataPath: images,
    experimentsRoot: folder,
    experimentName: 'run',
    threads: 1,
    ...options
  })
}

async function weightsOf({ model }: TrainResult): Promise<string> {
  const all = [...(await model.stateDict())].map(([name, { data }]) => [name, Buffer.from(data).toString('hex')])
  model.dispose()
  return JSON.stringify(all)
}

describe('images kept larger than the network sees them', () => {
  it('show their middle wherever they are not trained on', async () => {
    const [larger, exact] = [await open(), await openDataset({ dataPath: images, preprocessing })]
    expect(larger.imageShape).toEqual([3, 8, 8])
    expect(larger.storedShape).toEqual([3, 12, 12])
    const [middle, wanted] = [await loadImages(larger, 'train', 3, 9), await loadImages(exact, 'train', 3, 9)]
    expect(middle.shape).toEqual([6, 3, 8, 8])
    expect(middle).toEqual(wanted)
    expect(fingerprint(larger)).not.toBe(fingerprint(exact))
  })

  it('train a network, from memory as from their files', async () => {
    const [kept, read] = [await run({ cache: 'memory' }), await run({ cache: 'none', experimentName: 'read' })]
    expect(kept.model.imageShape).toEqual([3, 8, 8])
    expect(kept.model.preprocessing).toMatchObject({ resize: 12, crop: [8, 8] })
    expect(kept.experiment.manifest.data).toMatchObject({ imageShape: [3, 8, 8], storedShape: [3, 12, 12] })
    expect(read.history.map((event) => event.validLoss)).toEqual(kept.history.map((event) => event.validLoss))
    const exact = await openDataset({ dataPath: images, preprocessing })
    const scores = [await test(kept.model, { data: await open() }), await test(kept.model, { data: exact })]
    expect(scores[0]!.logits).toEqual(scores[1]!.logits)
    const middles = await run({ augment: 'flip', experimentName: 'middles' })
    const weights = await weightsOf(kept)
    expect(await weightsOf(read)).toBe(weights)
    expect(await weightsOf(middles)).not.toBe(weights)
  })

  it('go on where a run was stopped, and in a fine-tuning', async () => {
    const whole = await run()
    const stopped = await run({ untilEpoch: 2 })
    stopped.model.dispose()
    const resumed = await train({ resume: stopped.experiment.name, experimentsRoot: folder, threads: 1 })
    expect(await weightsOf(resumed)).toBe(await weightsOf(whole))
    const settings = { model: whole.experiment.folder, epochs: 2, augment: 'random-crop', experimentsRoot: folder }
    const tuned = await finetune({ ...settings, dataPath: images })
    expect(tuned.experiment.manifest.data).toMatchObject({ storedShape: [3, 12, 12] })
    tuned.model.dispose()
    const cached = await finetune({ ...settings, augment: undefined, data: await open() })
    expect(cached.completed).toBe(true)
    cached.model.dispose()
  })

  it('are what random crops need', async () => {
    const none = { code: 'INVALID_ARGUMENT', message: expect.stringMatching(/needs the size of the crop/) }
    await expect(run({ preprocess: undefined })).rejects.toMatchObject(none)
    const data = await openDataset({ dataPath: images, preprocessing })
    await expect(run({ data })).rejects.toThrow(/does not keep larger images/)
    const same = { ...preprocessing, resize: 8 }
    await expect(open({ preprocessing: same })).rejects.toThrow(
      /larger than the crop: the crop is 8x8, but the images.*8x8/
    )
    await expect(open({ preprocessing: { ...same, crop: [9, 4] } })).rejects.toThrow(/are 8x8/)
    await expect(run({ augment: 'random-crop=4' })).rejects.toThrow(/must be written as random-crop/)
  })
})
