import { cpSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { packageRoot } from '../../src/core/paths.js'
import { writeNpy, writeNpz } from '../../src/core/npy.js'
import { GraphBuilder, initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'
import { plainPreprocessing } from '../../src/model/preprocessing.js'
import { cli } from '../cli/run.js'

const NETWORKS = join(packageRoot, 'test', 'examples', 'networks')
const PUBLISHED = join(packageRoot, 'test', 'model', 'published')

/** Everything that the examples name, made in the current folder: networks, photos, arrays, experiments. */
export async function makeWorkspace(): Promise<void> {
  const copies = { 'net.pt2': 'net.pt2', 'net.onnx': 'net.onnx', 'model.onnx': 'net.onnx', 'resnet.onnx': 'net.onnx' }
  for (const [name, from] of Object.entries({ ...copies, 'vit.onnx': 'vit.onnx' })) cpSync(join(NETWORKS, from), name)
  cpSync(join(PUBLISHED, 'hf-vit'), 'vit-base-patch16-224', { recursive: true })
  cpSync(join(packageRoot, 'examples', 'rules', 'captum-gamma.json'), 'captum-gamma.json')
  cpSync(join(packageRoot, 'test', 'model', 'import', 'inputs', 'lesion.onnx'), 'lesion.onnx')
  await makePhotos()
  await makeArrays()
  makeMnist('path/to/mnist')
  writeFileSync('space.json', '{"learning-rate": {"min": 1e-3, "max": 1e-2, "scale": "log"}, "batch-size": [64]}')
  writeFileSync('mine.json', jsonOf('docs/how-to/composites.md'))
  writeFileSync('net.json', '[{"type": "flatten"}, {"type": "linear", "features": "classes"}]')
  for (const folder of ['path/to/model', 'models/resnet']) await makeModel(folder)
  const runs = [
    ['tune', '--space', 'space.json', '--trials', '2', '--epochs', '1'],
    ['train', '--model', 'lenet', '--epochs', '1', '--experiment-name', 'lenet-mnist'],
    ['train', '--model', 'lenet', '--epochs', '1'],
    ['train', '--epochs', '3']
  ]
  for (const run of runs) {
    const { status, err } = await cli(...run, '--quiet')
    if (status !== 0) throw new Error(`${run.join(' ')}: ${err}`)
  }
}

/** The JSON file that a page shows. */
function jsonOf(page: string): string {
  return /^```json\n([\s\S]*?)^```/m.exec(readFileSync(join(packageRoot, page), 'utf8'))![1]!
}

async function makePhotos(): Promise<void> {
  const photo = (i: number): Promise<Buffer> => {
    const pixels = Uint8Array.from({ length: 40 * 30 * 3 }, (_, at) => (at * (i + 3) * 7 + (at % 11) * i) % 256)
    return sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } })
      .png()
      .toBuffer()
  }
  for (const name of ['photo.jpg', 'photo.png', 'digit.png']) writeFileSync(name, await photo(1))
  mkdirSync('photos')
  writeFileSync('photos/a.png', await photo(2))
  const rows = ['path,value']
  for (const root of ['path/to/class-folders', 'flowers', 'folders']) {
    for (const [label, name] of ['cat', 'dog'].entries()) {
      const folder = join(root, name)
      mkdirSync(folder, { recursive: true })
      for (let i = 0; i < 12; i++) {
        writeFileSync(join(folder, `${i}.png`), await photo(5 * label + i))
        if (root === 'flowers') rows.push(`flowers/${name}/${i}.png,${label + i / 10}`)
      }
    }
  }
  writeFileSync('list.csv', `${rows.join('\n')}\n`)
}

/** For a network of digits; those for model.onnx are in `of-model`. */
async function makeArrays(): Promise<void> {
  const array = (shape: number[], value: (i: number) => number) => {
    const length = shape.reduce((product, axis) => product * axis, 1)
    return { data: Float32Array.from({ length }, (_, i) => value(i)), shape }
  }
  await writeNpy(
    'x.npy',
    array([2, 1, 8, 8], (i) => Math.abs(Math.sin(i)))
  )
  await writeNpy(
    'images.npy',
    array([2, 3, 9, 9], (i) => Math.sin(i))
  )
  await writeNpy(
    'patients.npy',
    array([2, 3], (i) => i / 6)
  )
  await writeNpy(
    'a.npy',
    array([2, 1, 8, 8], (i) => Math.cos(i))
  )
  await writeNpy(
    'm.npy',
    array([2, 1, 8, 8], (i) => (i % 8 < 3 ? 1 : 0))
  )
  await writeNpy(
    't.npy',
    array([2], (i) => i)
  )
  mkdirSync('of-model')
  using model = await Model.load('model.onnx')
  const input = array([1, 3, 224, 224], (i) => Math.sin(i))
  const [last] = model.graph.nodes.slice(-1)
  const activations = await model.activations(input, [last!.name])
  await writeNpy('of-model/x.npy', input)
  await writeNpy('of-model/y.npy', await model.forward(input))
  await writeNpz('of-model/activations.npz', activations)
  cpSync('model.onnx', 'of-model/model.onnx')
}

/** Files like MNIST's, of noise. */
function makeMnist(folder: string): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, images] of [
    ['train', 60],
    ['t10k', 20]
  ] as const) {
    const pixels = Buffer.alloc(16 + images * 784)
    for (const [at, value] of [0x803, images, 28, 28].entries()) pixels.writeUInt32BE(value, 4 * at)
    for (let i = 16; i < pixels.length; i++) pixels[i] = (i * 31) % 256
    const labels = Buffer.alloc(8 + images)
    for (const [at, value] of [0x801, images].entries()) labels.writeUInt32BE(value, 4 * at)
    for (let i = 0; i < images; i++) labels[8 + i] = i % 10
    writeFileSync(join(folder, `${name}-images-idx3-ubyte`), pixels)
    writeFileSync(join(folder, `${name}-labels-idx1-ubyte`), labels)
  }
}

/** A network for photos of any size, with the names of a ResNet and the classes of the class folders. */
async function makeModel(folder: string): Promise<void> {
  const builder = new GraphBuilder([3, 24, 32])
  const first = builder.add('relu', 'relu', [builder.convolution('conv1', 'input', 8, 3, { stride: 2 })])
  const second = builder.convolution('layer3.2.conv2', first, 64, 3, { stride: 2 })
  const pooled = builder.add('pool', 'adaptive_avg_pool2d', [builder.add('relu2', 'relu', [second])], {
    output_size: [1, 1]
  })
  const output = builder.linear('fc', builder.add('flat', 'flatten', [pooled], { start_dim: 1, end_dim: -1 }), 2)
  const parts = await initialise(builder.finish('model', output, plainPreprocessing([3, 24, 32])), 1)
  const graph = { ...parts.graph, inputShape: [null, 3, null, null] }
  using model = await Model.create({ ...parts, graph, classes: ['cat', 'dog'] })
  await model.save(folder)
}

/** Experiments that an example made are put aside, so that the newest one stays the one of the digits. */
export function putAside(before: string[]): void {
  mkdirSync('made', { recursive: true })
  for (const name of readdirSync('experiments').filter((one) => !before.includes(one)))
    renameSync(join('experiments', name), join('made', `${readdirSync('made').length}-${name}`))
}
