import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { packageRoot } from '../../src/core/paths.js'
import { explain } from '../../src/explain/explain.js'
import { describeArchitectures } from '../../src/model/architectures/describe.js'
import { initialise } from '../../src/model/builder.js'
import { buildLayers, layersSchema, readLayers, type Layer } from '../../src/model/layers.js'
import { Model } from '../../src/model/model.js'
import { train } from '../../src/train/train.js'

const folder = mkdtempSync(join(tmpdir(), 'lrp-layers-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const write = (name: string, value: unknown): string => {
  writeFileSync(join(folder, name), typeof value === 'string' ? value : JSON.stringify(value))
  return join(folder, name)
}

const LAYERS: Layer[] = [
  { type: 'convolution', channels: 8, kernelSize: 3, padding: 'same' },
  { type: 'batch-norm' },
  { type: 'leaky-relu', slope: 0.1 },
  { type: 'sum-pool', kernelSize: 2 },
  { type: 'convolution', channels: 12, kernelSize: [3, 1], stride: 2, padding: [1, 0], groups: 2, name: 'middle' },
  { type: 'elu' },
  { type: 'average-pool', kernelSize: 2, stride: 1, padding: 1 },
  { type: 'max-pool', kernelSize: 2, ceilMode: true },
  { type: 'flatten' },
  { type: 'dropout', share: 0.1 },
  { type: 'linear', features: 16 },
  { type: 'tanh' },
  { type: 'linear', features: 'classes', bias: false }
]

describe('a network as a list of layers', () => {
  test('has the shapes that C++ computes and names like torch.nn.Sequential', async () => {
    const architecture = buildLayers(LAYERS, { imageShape: [1, 8, 8], classes: 10 })
    using model = await Model.create(await initialise(architecture, 0))
    const shapes = model.shapes()
    expect(shapes['0']).toEqual([1, 8, 8, 8])
    expect(shapes.middle).toEqual([1, 12, 2, 2])
    expect(shapes['12']).toEqual([1, 10])
    expect([...model.parameterShapes.keys()]).toContain('10.weight')
  })

  test('trains from a JSON file and can be explained', async () => {
    const path = write('net.json', { layers: LAYERS })
    const { model, experiment, history } = await train({ model: path, epochs: 2, experimentsRoot: folder })
    expect(experiment.name).toBe('net-digits')
    expect(history).toHaveLength(2)
    const input = { data: new Float32Array(64).fill(0.5), shape: [1, 1, 8, 8] }
    const { relevance } = await explain(model, input, { composite: 'epsilon-plus' })
    expect(relevance.shape).toEqual([1, 1, 8, 8])
    model.dispose()
  })

  test('a list of one number stands for all axes', async () => {
    const layers: Layer[] = [
      { type: 'convolution', channels: 2, kernelSize: [3], padding: [1], stride: [1], dilation: [1] },
      { type: 'average-pool', kernelSize: [2] },
      { type: 'flatten' },
      { type: 'linear', features: 'classes' }
    ]
    using model = await Model.create(await initialise(buildLayers(layers, { imageShape: [1, 8, 6], classes: 3 }), 0))
    expect(model.shapes()).toMatchObject({ 0: [1, 2, 8, 6], 1: [1, 2, 4, 3], 3: [1, 3] })
  })

  test('a bare list in a file is read too', async () => {
    expect(await readLayers(write('bare.json', [{ type: 'flatten' }]))).toEqual({
      name: 'bare',
      layers: [{ type: 'flatten' }]
    })
  })

  test.each<[string, unknown, RegExp]>([
    ['an unknown type', [{ type: 'conv' }], /type/],
    ['an unknown setting', [{ type: 'linear', features: 3, units: 3 }], /units/],
    ['a missing setting', [{ type: 'linear' }], /features/],
    ['nothing', [], /layers/],
    ['a linear layer on an image', [{ type: 'linear', features: 'classes' }], /'0' \(linear\).*flatten/],
    ['a window larger than the image', [{ type: 'max-pool', kernelSize: 9 }], /'0'.*smaller than the pooling window/],
    ['groups that do not divide', [{ type: 'convolution', channels: 3, kernelSize: 1, groups: 2 }], /'0'.*groups/],
    [
      'a kernel with too many axes',
      [{ type: 'convolution', channels: 3, kernelSize: [3, 3, 3] }],
      /'0'.*kernel_size has 3 entries, but needs 2/
    ],
    ['a stride with too many axes', [{ type: 'sum-pool', kernelSize: 2, stride: [1, 1, 1] }], /'0'.*'stride' has 3/],
    [
      "padding 'same' with a stride",
      [{ type: 'convolution', channels: 3, kernelSize: 3, stride: 2, padding: 'same' }],
      /'0'.*if the stride is 1/
    ],
    ['a pool that reads padding alone', [{ type: 'max-pool', kernelSize: 3, padding: 2 }], /'0'.*half of its window/],
    [
      'two layers of one name',
      [
        { type: 'relu', name: 'a' },
        { type: 'relu', name: 'a' }
      ],
      /'a'/
    ],
    ['an output that is no class', [{ type: 'flatten' }, { type: 'linear', features: 3 }], /shape 3.*10 classes/]
  ])('%s is refused', (_, layers, message) => {
    expect(() => buildLayers(layers as Layer[], { imageShape: [1, 8, 8], classes: 10 })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) })
    )
  })

  test.each([
    ['no.json', undefined, 'NOT_FOUND'],
    ['text.json', 'relu, relu', 'INVALID_FILE'],
    ['object.json', { network: [] }, 'INVALID_ARGUMENT']
  ])('%s is refused', async (name, content, code) => {
    const path = content === undefined ? join(folder, name) : write(name, content)
    await expect(readLayers(path)).rejects.toMatchObject({ code, message: expect.stringContaining(path) })
  })
})

test('architectures are as large as torchvision says', () => {
  const sizes = Object.fromEntries(describeArchitectures().map(({ name, parameters }) => [name, parameters]))
  expect(sizes).toMatchObject({
    alexnet: 61_100_840,
    vgg16: 138_357_544,
    resnet18: 11_689_512,
    resnet50: 25_557_032,
    squeezenet1_0: 1_248_424,
    squeezenet1_1: 1_235_496,
    mobilenet_v2: 3_504_872,
    mobilenet_v3_small: 2_542_856,
    mobilenet_v3_large: 5_483_032,
    densenet121: 7_978_856,
    googlenet: 6_624_904,
    efficientnet_b0: 5_288_548,
    convnext_tiny: 28_589_128,
    vit_b_16: 86_567_656
  })
})

test('docs/models.md lists every type of layer', () => {
  const page = readFileSync(join(packageRoot, 'docs', 'models.md'), 'utf8')
  const from = page.indexOf('## A network as a list of layers')
  const listed = page
    .slice(from, page.indexOf('\n## ', from))
    .split('\n')
    .map((row) => row.split('| ')[1] ?? '')
  const types = layersSchema.element.options.map(({ shape }) => shape.type.value)
  expect(types.filter((type) => !listed.some((cell) => cell.includes(`\`${type}\``)))).toEqual([])
})
