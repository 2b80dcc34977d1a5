import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import sharp from 'sharp'
import { loadImages, type Dataset } from '../../src/data/dataset.js'
import { keepsInMemory } from '../../src/data/decode.js'
import { openDataset } from '../../src/data/open.js'
import { testClassifier as test } from '../../src/scores/test-classifier.js'
import { train, type TrainOptions, type TrainResult } from '../../src/train/train.js'

let folder = ''
let images = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lrp-stream-'))
  images = join(folder, 'images')
  for (const [label, background] of [
    ['dark', '#300810'],
    ['light', '#a0d0c8']
  ] as const) {
    mkdirSync(join(images, label), { recursive: true })
    for (let i = 0; i < 30; i++) {
      const noise = { type: 'gaussian', mean: 0, sigma: 5 + i } as const
      const create = { width: 8, height: 8, channels: 3, background, noise } as const
      await sharp({ create }).toFile(join(images, label, `${i}.png`))
    }
  }
  writeFileSync(join(images, 'dark', 'broken.png'), 'no image')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const open = (cache: 'memory' | 'none', more = {}): Promise<Dataset> =>
  openDataset({ dataPath: images, cache, ...more })

function run(options: TrainOptions): Promise<TrainResult> {
  const settings = { model: 'mlp', hiddenSize: [8], epochs: 3, batchSize: 7, augment: 'crop=1,flip', threads: 1 }
  return train({ ...settings, experimentsRoot: folder, experimentName: 'run', ...options })
}

async function weightsOf({ model }: TrainResult): Promise<string> {
  const all = [...(await model.stateDict())].map(([name, { data }]) => [name, Buffer.from(data).toString('hex')])
  model.dispose()
  return JSON.stringify(all)
}

describe('images that are not kept in memory', () => {
  it('train the same network, to the bit, as those in memory', async () => {
    const [kept, streamed] = [await open('memory'), await open('none')]
    expect(streamed.splits.train.images).toHaveLength(0)
    expect(streamed.skipped).toEqual([join(images, 'dark', 'broken.png')])
    expect(streamed.splits.train.paths).toEqual(kept.splits.train.paths)
    const [a, b] = [await run({ data: kept, normalise: 'fit' }), await run({ data: streamed, normalise: 'fit' })]
    expect(b.history.map((event) => event.validLoss)).toEqual(a.history.map((event) => event.validLoss))
    const [scoreA, scoreB] = [await test(a.model, { data: kept }), await test(b.model, { data: streamed })]
    expect(scoreB.logits).toEqual(scoreA.logits)
    expect(await weightsOf(b)).toBe(await weightsOf(a))
  })

  it('go on where a run was stopped, in the middle of an epoch too', async () => {
    const options = { dataPath: images, cache: 'none' } as const
    const whole = await run(options)
    const stop = new AbortController()
    const data = await open('none')
    let reads = 0
    const read = (path: string, into: Uint8Array): Promise<void> => {
      if (++reads === 90) stop.abort()
      return data.read!(path, into)
    }
    const stopped = await run({ data: { ...data, read }, signal: stop.signal })
    stopped.model.dispose()
    expect(stopped.completed).toBe(false)
    const resumed = await train({ resume: stopped.experiment.name, data, experimentsRoot: folder })
    expect(resumed.completed).toBe(true)
    expect(await weightsOf(resumed)).toBe(await weightsOf(whole))
  })

  it('are read only a little ahead of their use', async () => {
    const data = await open('none')
    let [asked, delivered, most] = [0, 0, 0]
    const read = async (path: string, into: Uint8Array): Promise<void> => {
      most = Math.max(most, ++asked - delivered)
      await data.read!(path, into)
      delivered++
    }
    const { model } = await run({ data: { ...data, read }, batchSize: 2, epochs: 4, test: false })
    model.dispose()
    expect(asked).toBe(4 * (data.splits.train.labels.length + data.splits.valid.labels.length))
    expect(most).toBeLessThanOrEqual(64 + 2)
  })

  it('that can no longer be read end the run with their name', async () => {
    const data = await open('none')
    const gone = join(folder, 'gone.png')
    const paths = data.splits.train.paths!.map((path, i) => (i === 5 ? gone : path))
    const changed = { ...data, splits: { ...data.splits, train: { ...data.splits.train, paths } } }
    const digests = new Map(data.digests).set(gone, '')
    await expect(run({ data: { ...changed, digests } })).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringContaining(gone)
    })
  })

  it('that never arrive do not keep a run from being stopped', async () => {
    const data = await open('none')
    const stop = new AbortController()
    const read = (): Promise<void> => {
      setImmediate(() => stop.abort())
      return new Promise(() => undefined)
    }
    const { completed, model } = await run({ data: { ...data, read }, signal: stop.signal })
    model.dispose()
    expect(completed).toBe(false)
  })

  it('give the bytes that memory would hold', async () => {
    const [kept, streamed] = [await open('memory'), await open('none')]
    expect(await loadImages(streamed, 'valid', 1, 4)).toEqual(await loadImages(kept, 'valid', 1, 4))
  })

  it('are an error where one is broken and --strict is given, or where there are no files', async () => {
    await expect(open('none', { strict: true })).rejects.toThrow(/broken\.png is not a readable image/)
    await expect(openDataset({ data: 'digits', cache: 'none' })).rejects.toThrow(/digits is always kept in memory/)
    await expect(openDataset({ dataPath: images, cache: 'disk' as 'none' })).rejects.toThrow(/cache/)
  })
})

it('auto keeps what fits into half of the memory', () => {
  expect(keepsInMemory('auto', 50, 100)).toBe(true)
  expect(keepsInMemory('auto', 51, 100)).toBe(false)
  expect(keepsInMemory('memory', 99, 100)).toBe(true)
  expect(keepsInMemory('none', 1, 100)).toBe(false)
})
