import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { readNpy, writeNpy } from '../../src/core/npy.js'
import { scoreMaps } from '../../src/evaluate/score-maps.js'
import { explain } from '../../src/explain/explain.js'
import { readInputs } from '../../src/explain/inputs.js'
import { explainToFiles } from '../../src/explain/to-files.js'
import { withChannelsFirst, withChannelsLast } from '../../src/model/layout.js'
import { Model } from '../../src/model/model.js'
import type { Tensor } from '../../src/core/tensor.js'
import { cli } from '../cli/run.js'
import { relativeError } from '../shared.js'
import { ints, onnxFile, tensor, type FileSpec, type NodeSpec } from './import/onnx/file.js'

const scratch = mkdtempSync(join(tmpdir(), 'lrp-layout-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const wave = (count: number, by = 1): number[] => Array.from({ length: count }, (_, i) => Math.sin((i + 1) * by))
const random = (images: number): Tensor => ({
  data: Float32Array.from(wave(images * 3 * 8 * 6, 1.7)),
  shape: [images, 3, 8, 6]
})

/** The dense layer reads height, width, channels, as Keras does, or channels, height, width. */
const dense = wave(5 * 4 * 3 * 4, 0.3)
const turnedDense = Array.from({ length: 5 * 48 }, (_, k) => {
  const [row, at] = [Math.floor(k / 48), k % 48]
  const [c, y, x] = [Math.floor(at / 12), Math.floor((at % 12) / 3), at % 3]
  return dense[row * 48 + (y * 3 + x) * 4 + c]!
})
const weights = { w: tensor(wave(4 * 3 * 9, 0.7), [4, 3, 3, 3]), b: tensor([0.1, -0.2, 0.3, 0.05]) }
const layers = (input: string): NodeSpec[] => [
  { op: 'Conv', inputs: [input, 'w', 'b'], outputs: ['c'], attributes: { pads: [1, 1, 1, 1] } },
  { op: 'Relu', inputs: ['c'], outputs: ['r'] },
  { op: 'MaxPool', inputs: ['r'], outputs: ['p'], attributes: { kernel_shape: [2, 2], strides: [2, 2] } }
]
const toFirst: NodeSpec = { op: 'Transpose', inputs: ['x'], outputs: ['t'], attributes: { perm: [0, 3, 1, 2] } }
const keras: FileSpec = {
  shape: ['N', 8, 6, 3],
  weights: { ...weights, d: tensor(dense, [5, 48]) },
  nodes: [
    toFirst,
    ...layers('t'),
    { op: 'Transpose', inputs: ['p'], outputs: ['l'], attributes: { perm: [0, 2, 3, 1] } },
    { op: 'Flatten', inputs: ['l'], outputs: ['f'] },
    { op: 'Gemm', inputs: ['f', 'd'], attributes: { transB: 1 } }
  ]
}
const torch: FileSpec = {
  shape: ['N', 3, 8, 6],
  weights: { ...weights, d: tensor(turnedDense, [5, 48]) },
  nodes: [
    ...layers('x'),
    { op: 'Flatten', inputs: ['p'], outputs: ['f'] },
    { op: 'Gemm', inputs: ['f', 'd'], attributes: { transB: 1 } }
  ]
}

describe('a file with channels behind height and width', () => {
  let [ours, theirs] = [undefined as unknown as Model, undefined as unknown as Model]
  beforeAll(async () => {
    ours = await Model.load(onnxFile(keras))
    theirs = await Model.load(onnxFile(torch))
  })
  afterAll(() => [ours, theirs].forEach((model) => model.dispose()))

  test('is recognised, and has the logits of its twin in either layout', async () => {
    expect([ours.layout, ours.imageShape, theirs.layout]).toEqual(['nhwc', [3, 8, 6], 'nchw'])
    const wanted = await theirs.forward(random(3))
    expect(relativeError(await ours.forward(random(3)), wanted)).toBeLessThan(1e-6)
    expect(relativeError(await ours.forward(withChannelsLast(random(3))), wanted)).toBeLessThan(1e-6)
  })

  test.each(['lrp', 'input-x-gradient', 'integrated-gradients', 'occlusion', 'grad-cam'] as const)(
    'has the maps of its twin by %s',
    async (method) => {
      const wanted = (await explain(theirs, random(2), { method, target: 1 })).relevance
      expect(relativeError((await explain(ours, random(2), { method, target: 1 })).relevance, wanted)).toBeLessThan(
        1e-5
      )
      const turned = await explain(ours, withChannelsLast(random(2)), { method, target: 1 })
      expect(turned.relevance.shape).toEqual([2, 8, 6, 3])
      expect(relativeError(withChannelsFirst(turned.relevance), wanted)).toBeLessThan(1e-5)
    }
  )

  test('several targets keep their axis in front', async () => {
    const { relevance } = await explain(ours, withChannelsLast(random(2)), { target: 'all' })
    expect(relevance.shape).toEqual([5, 2, 8, 6, 3])
    const wanted = (await explain(theirs, random(2), { target: 'all' })).relevance
    expect(relativeError(withChannelsFirst(relevance), wanted)).toBeLessThan(1e-5)
  })

  test('has the metrics of its twin', async () => {
    const [input, { relevance }] = [random(2), await explain(theirs, random(2), { target: 0 })]
    const attribution = { ...relevance, data: Float32Array.from(relevance.data) } // of this realm: jest has two
    const mask = { data: Float32Array.from({ length: 2 * 48 }, (_, i) => Number(i % 5 === 0)), shape: [2, 8, 6] }
    const options = { target: new Int32Array(2), patchSize: 2, mask }
    const wanted = await scoreMaps(theirs, { ...options, input, attribution })
    const turned = { input: withChannelsLast(input), attribution: withChannelsLast(attribution) }
    const found = await scoreMaps(ours, { ...options, ...turned, mask: { ...mask, shape: [2, 8, 6, 1] } })
    expect(Object.keys(found)).toEqual(Object.keys(wanted))
    for (const [name, values] of Object.entries(wanted))
      values
        .flat()
        .forEach((value, i) => {
          const apart = Math.abs(found[name]!.flat()[i]! - value!)
          expect([name, apart <= 1e-5 * Math.max(1, Math.abs(value!))]).toEqual([name, true])
        })
  })

  test('takes and writes arrays in its own layout', async () => {
    const path = join(scratch, 'x.npy')
    await writeNpy(path, withChannelsLast(random(2)))
    const output = join(scratch, 'arrays')
    await explainToFiles(ours, { input: [path], output, format: ['npy', 'png'], target: 1 })
    const written = await readNpy(join(output, 'relevance.npy'))
    const wanted = (await explain(theirs, random(2), { target: 1 })).relevance
    expect(written.shape).toEqual([2, 8, 6, 3])
    expect(relativeError(withChannelsFirst(written), wanted)).toBeLessThan(1e-5)
  })

  test('draws the picture of its twin from an image', async () => {
    const photo = join(scratch, 'photo.png')
    const pixels = Buffer.from(wave(8 * 6 * 3, 2.3).map((value) => Math.round(127 + 127 * value)))
    await sharp(pixels, { raw: { width: 6, height: 8, channels: 3 } }).toFile(photo)
    const pictures = []
    for (const [name, spec] of Object.entries({ keras, torch })) {
      using model = await Model.load(onnxFile(spec), { preprocess: 'none' })
      const output = join(scratch, name)
      await explainToFiles(model, { input: [photo], output, target: 1 })
      pictures.push(readFileSync(join(output, 'photo.png')))
    }
    expect(pictures[0]!.equals(pictures[1]!)).toBe(true)
  })

  test('keeps its layout where it is converted', async () => {
    const folder = join(scratch, 'converted')
    await ours.save(folder)
    using again = await Model.load(folder)
    const logits = await again.forward(withChannelsLast(random(2)))
    expect([again.layout, relativeError(logits, await ours.forward(random(2)))]).toEqual(['nhwc', 0])
  })

  test('inspect names the layout', async () => {
    expect(JSON.parse((await cli('inspect', onnxFile(keras), '--json')).out)).toMatchObject({ layout: 'nhwc' })
  })
})

test('sizes that the file leaves open are channels, height, width', async () => {
  const nodes: NodeSpec[] = [
    toFirst,
    ...layers('t'),
    { op: 'GlobalAveragePool', inputs: ['p'], outputs: ['g'] },
    { op: 'Flatten', inputs: ['g'] }
  ]
  const path = onnxFile({ nodes, shape: ['N', 'height', 'width', 3], weights })
  using model = await Model.load(path, { inputShape: [3, 10, 4] })
  expect([model.layout, model.imageShape]).toEqual(['nhwc', [3, 10, 4]])
  const twin = onnxFile({
    nodes: nodes.slice(1).map((one, i) => (i === 0 ? layers('x')[0]! : one)),
    weights,
    shape: ['N', 3, 10, 4]
  })
  using other = await Model.load(twin)
  const x = { data: Float32Array.from(wave(120)), shape: [1, 3, 10, 4] }
  expect(relativeError(await model.forward(x), await other.forward(x))).toBeLessThan(1e-6)
  expect((await explain(model, withChannelsLast(x))).relevance.shape).toEqual([1, 10, 4, 3])
})

test('one channel that a Reshape moves', async () => {
  const nodes: NodeSpec[] = [
    { op: 'Reshape', inputs: ['x', 's'], outputs: ['t'] },
    { op: 'Conv', inputs: ['t', 'k'], outputs: ['c'] },
    { op: 'Flatten', inputs: ['c'] }
  ]
  const own = { s: ints(-1, 1, 5, 4), k: tensor(wave(9), [1, 1, 3, 3]) }
  using model = await Model.load(onnxFile({ nodes, weights: own, shape: ['N', 5, 4, 1] }))
  expect([model.layout, model.imageShape]).toEqual(['nhwc', [1, 5, 4]])
})

describe('a file that wants bytes', () => {
  const nodes: NodeSpec[] = [
    { op: 'Cast', inputs: ['x'], outputs: ['real'], attributes: { to: 1 } },
    { op: 'Div', inputs: ['real', 'white'], outputs: ['scaled'] },
    { ...toFirst, inputs: ['scaled'] },
    ...layers('t'),
    { op: 'Flatten', inputs: ['p'] }
  ]
  const file = () =>
    onnxFile({ nodes, weights: { ...weights, white: tensor([255], []) }, shape: ['N', 8, 6, 3], type: 2 })

  test.each([undefined, 'none', 'imagenet'])('gets bytes under preprocessing %s', async (preprocess) => {
    const photo = join(scratch, 'bytes.png')
    await sharp({ create: { width: 300, height: 300, channels: 3, background: '#0a50ff' } }).toFile(photo)
    using model = await Model.load(file(), { preprocess })
    expect(model.layout).toBe('nhwc')
    const { input } = await readInputs(model, { input: [photo] })
    const plane = input.data.length / 3
    expect([0, 1, 2].map((channel) => input.data[channel * plane])).toEqual([10, 80, 255])
  })
})

describe('the layout', () => {
  const flat: NodeSpec[] = [
    { op: 'Flatten', inputs: ['x'], outputs: ['f'] },
    { op: 'Gemm', inputs: ['f', 'd'], attributes: { transB: 1 } }
  ]
  const spec: FileSpec = { nodes: flat, weights: { d: tensor(wave(2 * 30), [2, 30]) }, shape: ['N', 5, 2, 3] }

  test('can be named where nothing tells it', async () => {
    const path = onnxFile(spec)
    using plain = await Model.load(path)
    using named = await Model.load(path, { layout: 'nhwc' })
    expect([plain.imageShape, named.imageShape]).toEqual([
      [5, 2, 3],
      [3, 5, 2]
    ])
    const x = { data: Float32Array.from(wave(30)), shape: [1, 5, 2, 3] }
    expect(relativeError(await named.forward(x), await plain.forward(x))).toBeLessThan(1e-6)
    expect(relativeError(await named.forward(withChannelsFirst(x)), await plain.forward(x))).toBeLessThan(1e-6)
  })

  test('is not guessed where the file says otherwise', async () => {
    using model = await Model.load(onnxFile(keras), { layout: 'nchw' })
    expect([model.layout, model.imageShape]).toEqual(['nchw', [8, 6, 3]])
    const product: NodeSpec[] = [toFirst, { op: 'MatMul', inputs: ['t', 'm'] }]
    using other = await Model.load(
      onnxFile({ nodes: product, weights: { m: tensor(wave(12), [6, 2]) }, shape: ['N', 8, 6, 3] })
    )
    expect(other.layout).toBe('nchw')
  })
})
