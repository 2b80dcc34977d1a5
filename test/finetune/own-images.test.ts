import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { testModel } from '../../src/scores/test-model.js'
import { finetune } from '../../src/finetune/finetune.js'
import { train, type TrainResult } from '../../src/train/train.js'

const root = mkdtempSync(join(tmpdir(), 'lrp-own-images-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const [own, other] = [join(root, 'own'), join(root, 'other')]

async function writeImages(folder: string, classes: string[]): Promise<void> {
  for (const [label, name] of classes.entries()) {
    mkdirSync(join(folder, name), { recursive: true })
    for (let i = 0; i < 12; i++) {
      const pixels = Buffer.from(Uint8Array.from({ length: 64 }, (_, p) => (p * (label + 2) * (i + 1)) % 256))
      await sharp(pixels, { raw: { width: 8, height: 8, channels: 1 } })
        .toColourspace('b-w')
        .toFile(join(folder, name, `${i}.png`))
    }
  }
}

describe('a model that an experiment trained', () => {
  let trained: TrainResult
  const inFolder = { experimentsRoot: root, experimentName: 'first' }
  beforeAll(async () => {
    await writeImages(own, ['cat', 'dog'])
    await writeImages(other, ['car', 'ship'])
    writeFileSync(join(root, 'list.csv'), `path\n${['cat/0.png', 'cat/1.png', 'dog/3.png'].join('\n')}\n`)
    const exclude = join(root, 'list.csv')
    trained = await train({ dataPath: own, exclude, model: 'lenet', epochs: 1, seed: 5, ...inFolder })
  })
  afterAll(() => trained.model.dispose())

  test('is fine-tuned on its own images, split as they were, unless others are named', async () => {
    const { data: before } = trained.experiment.manifest
    const { model, experiment } = await finetune({ model: 'first', epochs: 1, seed: 6, experimentsRoot: root })
    model.dispose()
    const { command, data, network } = experiment.manifest
    expect(data).toEqual(before)
    expect((data as { counts: Record<string, number> }).counts).toEqual({ train: 19, valid: 2, test: 0 })
    expect(network).toBe('lenet')
    expect(command).not.toHaveProperty('model')
    expect(command).not.toHaveProperty('hiddenSize')
    const others = await finetune({ model: 'first', epochs: 1, dataPath: other, experimentsRoot: root })
    others.model.dispose()
    expect(others.experiment.manifest.data).toMatchObject({ classes: ['car', 'ship'] })
    expect(others.experiment.manifest.command.exclude).toBeUndefined()
  })

  test('keeps the scores of its own test images when it is tested on others', async () => {
    const { model, experiment } = trained
    const folders = [
      await testModel(model),
      await testModel(model, { split: 'train' }),
      await testModel(model, { limit: 1 })
    ].map(({ folder }) => folder)
    expect(folders).toEqual(
      [['test'], ['tests', 'own-train'], ['tests', 'own-test']].map((path) => experiment.path(...path))
    )
    for (const folder of folders) expect(existsSync(join(folder!, 'metrics.json'))).toBe(true)
  })

  test('says how many images of each split a list has taken, and is tested without them', async () => {
    const options = { exclude: [join(root, 'list.csv')], dataPath: own, testSplit: 1 }
    const result = await testModel(trained.model, { ...options, output: join(root, 'scores') })
    expect(result.notes).toEqual([`3 images listed in ${options.exclude[0]} were left out: train 0, valid 0, test 3`])
    expect(result).toMatchObject({ task: 'classification', metrics: { images: 21 } })
    await expect(testModel(trained.model, { exclude: 'nothing.csv' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'the list nothing.csv cannot be read: it does not exist'
    })
  })
})
