import { expect, test } from '@jest/globals'
import { clusterChannels, interveneInChannels } from '../../src/audit/cluster-channels.js'
import { Images } from '../../src/audit/images.js'
import type { Observed } from '../../src/audit/observe.js'
import { Random } from '../../src/audit/random.js'
import type { Dataset } from '../../src/data/dataset.js'
import { GraphBuilder, initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'
import { plainPreprocessing } from '../../src/model/preprocessing.js'

/** Channel 0 of `layer` is the brightness, the others are 0.1; class 1 is what has a mean of channel 0 above a half. */
async function brightnessModel(): Promise<Model> {
  const b = new GraphBuilder([1, 4, 4])
  const x = b.add('flatten', 'flatten', [b.convolution('layer', 'input', 4, 1)], { start_dim: 1, end_dim: -1 })
  const parts = await initialise(b.finish('brightness', b.linear('out', x, 2), plainPreprocessing([1, 4, 4])), 1)
  const set = (name: string, shape: number[], data: number[]): void => {
    parts.tensors.set(name, { dtype: 'f32', shape, data: new Uint8Array(Float32Array.from(data).buffer) })
  }
  set('layer.weight', [4, 1, 1, 1], [1, 0, 0, 0])
  set('layer.bias', [4], [0, 0.1, 0.1, 0.1])
  set(
    'out.weight',
    [2, 64],
    [...Array<number>(64).fill(0), ...Array.from({ length: 64 }, (_, i) => (i < 16 ? 1 / 16 : 0))]
  )
  set('out.bias', [2], [0.5, 0])
  return Model.create(parts)
}

const flat = (value: number): Uint8Array => new Uint8Array(16).fill(value)

test('a channel that decides the class does so when it is removed or inserted; others do not', async () => {
  using model = await brightnessModel()
  const split = { images: new Uint8Array(0), labels: new Int32Array(0) }
  const dataset: Dataset = {
    name: 'flat',
    classes: ['0', '1'],
    imageShape: [1, 4, 4],
    splits: { train: split, valid: split, test: split },
    skipped: []
  }
  const images = new Images(model, dataset, 'test')
  const observed = { layer: 'layer', channels: { data: new Float32Array(0), count: 0, width: 4 } } as Observed
  const sample = { members: [200, 220, 240].map(flat), hosts: [0, 20, 40, 60].map(flat) }
  const tested = async (channels: number[], some = sample): ReturnType<typeof interveneInChannels> =>
    interveneInChannels(images, 1, observed, channels, some, new Random(1))
  const own = (await tested([0]))!
  expect(own.removed).toMatchObject({ flips: 1, images: 3 })
  expect(own.inserted).toMatchObject({ flips: 1, images: 4 })
  expect(own.random.flips).toBe(0)
  const other = (await tested([2]))!
  expect(other.removed.flips).toBe(0)
  expect(other.inserted.flips).toBe(0)
  expect((await tested([0], { ...sample, hosts: [] }))!.inserted).toEqual({ flips: 0, images: 0, interval: [0, 1] })
  expect(await tested([])).toBeUndefined()
  expect(await tested([0, 1, 2, 3])).toBeUndefined()
})

test('channels of a cluster are those that the rest of the class uses less', () => {
  const shares = [
    [0.5, 0.5, 0],
    [0.7, 0.3, 0],
    [0, 0.2, 0.8],
    [0, 0.4, 0.6]
  ]
  const channels = { data: Float32Array.from(shares.flat()), count: 4, width: 3 }
  const found = clusterChannels({ channels } as Observed, [0, 1, 2, 3], [2, 3])
  expect(found.channels.map(({ channel }) => channel)).toEqual([2])
  expect(found.channels[0]!.relevance).toBeCloseTo(0.7)
  expect(found.channels[0]!.elsewhere).toBeCloseTo(0)
  expect(found.exclusiveness).toBeCloseTo(0.7)
  const whole = clusterChannels({ channels } as Observed, [0, 1, 2, 3], [0, 1, 2, 3])
  expect(whole.exclusiveness).toBe(0)
  expect(whole.channels).toHaveLength(3)
})
