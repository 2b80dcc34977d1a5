import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import sharp from 'sharp'
import { openDataset } from '../dist/data/open.js'
import { native } from '../dist/native/addon.js'
import { train } from '../dist/train/train.js'
import { pythonEnvironment } from '../scripts/lib/python-environment.mjs'
import { median } from './lib/measure.mjs'

// Images per second over an epoch of a folder of JPEGs that are decoded anew in every epoch, resized, cropped and flipped at
// random, and fed to a network so small that decoding decides; beside PyTorch's ImageFolder and DataLoader with 2 workers:
//   node bench/decode.mjs [--images 2000] [--size 256] [--epochs 2] [--rounds 3] [--threads 2] [--decode fast] [--python path/to/python] [--json]
const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '2000' },
    size: { type: 'string', default: '256' },
    epochs: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    decode: { type: 'string', default: 'exact' },
    python: { type: 'string' },
    json: { type: 'boolean', default: false }
  }
})
const [images, size, epochs, rounds, threads] = ['images', 'size', 'epochs', 'rounds', 'threads'].map((name) =>
  Number(values[name])
)
const INPUT = 224
const CROP = 28
const packages = ['torch==2.11.0', 'torchvision==0.26.0', 'numpy', 'pillow']
const python = values.python ?? (await pythonEnvironment('bench-train', packages))
if (!python) throw new Error('there is no Python, or pip cannot fetch PyTorch')
const folder = mkdtempSync(join(tmpdir(), 'lrp-bench-'))
native().setThreads(threads)

try {
  await makeImages(join(folder, 'images', 'train'))
  const options = { dataPath: join(folder, 'images'), imageSize: [INPUT, INPUT], cache: 'none', decode: values.decode }
  const data = await openDataset({ ...options, validSplit: 0, testSplit: 0 })
  const speeds = { ours: [], pytorch: [] }
  for (let round = 0; round < rounds; round++) {
    speeds.ours.push(...(await ours(data)))
    speeds.pytorch.push(...pytorch())
  }
  const [own, theirs] = [median(speeds.ours), median(speeds.pytorch)]
  const result = { images, size, threads, imagesPerSecond: { ours: own, pytorch: theirs }, times: own / theirs }
  if (values.json) console.log(JSON.stringify(result, null, 2))
  else print(result)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Smooth shapes with some grain, as photographs have them: about 16 KB each at 256x256; 64 different ones. */
async function makeImages(root) {
  const noise = (sigma, mean = 128) => ({ type: 'gaussian', mean, sigma })
  const made = []
  for (let i = 0; i < images; i++) {
    const parent = join(root, i % 2 === 0 ? 'coarse' : 'fine')
    mkdirSync(parent, { recursive: true })
    const path = join(parent, `${String(i).padStart(5, '0')}.jpg`)
    if (i >= 64) {
      copyFileSync(made[i % 64], path)
      continue
    }
    const plain = { channels: 3, background: '#808080' }
    const side = i % 2 === 0 ? 8 : 24
    const shapes = sharp({ create: { ...plain, width: side, height: side, noise: noise(60) } })
    const grain = sharp({ create: { ...plain, width: size, height: size, noise: noise(8) } })
    const below = await shapes.resize(size, size, { kernel: 'cubic' }).png().toBuffer()
    const over = [{ input: await grain.png().toBuffer(), blend: 'overlay' }]
    await sharp(below).composite(over).jpeg({ quality: 90 }).toFile(path)
    made.push(path)
  }
}

async function ours(data) {
  const model = [
    { type: 'convolution', channels: 8, kernelSize: 8, stride: 8 },
    { type: 'relu' },
    { type: 'global-average-pool' },
    { type: 'flatten' },
    { type: 'linear', features: 'classes' }
  ]
  const settings = { model, batchSize: 64, optimizer: 'sgd', scheduler: 'constant', learningRate: 1e-3, threads }
  const changes = { normalise: 'fit', augment: { crop: CROP, flip: true } }
  const place = { experimentsRoot: folder, experimentName: 'dev' }
  const result = await train({ data, ...settings, ...changes, ...place, epochs: epochs + 1 })
  result.model.dispose()
  return result.history.slice(1).map((event) => images / event.seconds)
}

function pytorch() {
  const script = fileURLToPath(new URL('decode_pytorch.py', import.meta.url))
  const numbers = { input: INPUT, crop: CROP, epochs, threads, workers: 2 }
  const flags = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)])
  const output = execFileSync(python, [script, '--root', join(folder, 'images', 'train'), ...flags], {
    encoding: 'utf8'
  })
  return JSON.parse(output).seconds.map((seconds) => images / seconds)
}

function print({ imagesPerSecond, times }) {
  const of = (value) => value.toFixed(0).padStart(6)
  console.log(
    `${images} JPEGs of ${size}x${size} to ${INPUT}x${INPUT}, cropped and flipped: images per second of an epoch`
  )
  console.log(`  lrp-native, --cache none, ${threads} threads  ${of(imagesPerSecond.ours)}`)
  console.log(
    `  PyTorch, DataLoader, 2 workers       ${of(imagesPerSecond.pytorch)}   ours is ${times.toFixed(2)} times as fast`
  )
}
