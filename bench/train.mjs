import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openDataset } from '../dist/data/open.js'
import { pythonEnvironment } from '../scripts/lib/python-environment.mjs'
import { median } from './lib/measure.mjs'

// Seconds per epoch of training beside PyTorch on the same machine and data:
//   npm run bench:train -- --data-path path/to/mnist [--model mlp,lenet] [--batch 64] [--epochs 5] [--rounds 3] [--threads 2] [--json]
//   npm run bench:train -- --data-path path/to/cifar10 --model resnet20 --batch 128 --device cuda --precision fp32,bf16,fp16
// --python names a Python with torch, torchvision and pillow; without it a virtual environment is made in the cache.
const { values } = parseArgs({
  options: {
    'data-path': { type: 'string' },
    python: { type: 'string' },
    epochs: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    batch: { type: 'string', default: '64' },
    device: { type: 'string', default: 'cpu' },
    precision: { type: 'string', default: 'fp32' },
    model: { type: 'string', default: 'mlp,lenet' },
    json: { type: 'boolean', default: false }
  }
})
const [epochs, rounds, threads, batch] = [values.epochs, values.rounds, values.threads, values.batch].map(Number)
const { device } = values
const adam = { optimizer: 'adam', learningRate: 1e-3 }
const sgd = { optimizer: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 5e-4, learningRate: 0.1 }
const MODELS = {
  mlp: { data: 'mnist', hiddenSize: [512, 256], ...adam },
  lenet: { data: 'mnist', ...adam },
  resnet20: { ...sgd, augment: 'crop=4,flip' }
}
const packages = ['torch==2.11.0', 'torchvision==0.26.0', 'numpy', 'pillow']
const python = values.python ?? (await pythonEnvironment('bench-train', packages))
if (!python) throw new Error('there is no Python, or pip cannot fetch PyTorch')
const folder = mkdtempSync(join(tmpdir(), 'lrp-bench-'))
const beside = (name) => fileURLToPath(new URL(name, import.meta.url))

try {
  const results = []
  for (const model of values.model.split(',')) {
    const settings = MODELS[model]
    const dataset = await openDataset({ data: settings.data, dataPath: values['data-path'], validSplit: 0 })
    writeFileSync(join(folder, 'images.bin'), dataset.splits.train.images)
    writeFileSync(join(folder, 'labels.bin'), dataset.splits.train.labels)
    for (const precision of values.precision.split(',')) {
      results.push(compare(dataset, { model, precision, ...settings }))
      if (!values.json) print(results.at(-1))
    }
  }
  if (values.json) console.log(JSON.stringify({ results }, null, 2))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Rounds of ours and theirs in turn, each in a process of its own. The two with tensors in memory follow each other. */
function compare(dataset, settings) {
  const seconds = { ours: [], memory: [], usual: [] }
  for (let round = 0; round < rounds; round++) {
    seconds.ours.push(...ours(settings))
    for (const how of ['memory', 'usual']) seconds[how].push(...pytorch(dataset, how, settings))
  }
  const [own, usual, memory] = ['ours', 'usual', 'memory'].map((how) => median(seconds[how]))
  const images = dataset.splits.train.labels.length
  const { model, precision } = settings
  const times = { usual: usual / own, memory: memory / own }
  return { model, precision, device, images, batch, threads, seconds: { ours: own, usual, memory }, times }
}

/** Seconds of each epoch after the first. */
function ours(settings) {
  const common = { dataPath: values['data-path'], device, batchSize: batch, epochs: epochs + 1, threads }
  const folders = { experimentsRoot: folder, experimentName: 'dev' }
  return outputOf(process.execPath, [beside('train_ours.mjs'), JSON.stringify({ ...settings, ...common, ...folders })])
}

function pytorch(dataset, how, { model, precision }) {
  const files = ['--images', join(folder, 'images.bin'), '--labels', join(folder, 'labels.bin')]
  const numbers = { epochs, threads, batch, size: dataset.imageShape[1], channels: dataset.imageShape[0] }
  const flags = Object.entries({ how, model, precision, device, ...numbers }).flatMap(([name, value]) => [
    `--${name}`,
    String(value)
  ])
  return outputOf(python, [beside('train_pytorch.py'), ...files, ...flags])
}

function outputOf(command, args) {
  return JSON.parse(execFileSync(command, args, { encoding: 'utf8' }))
}

function print({ model, images, precision, seconds, times }) {
  const of = (value) => `${value.toFixed(3).padStart(8)}   ${(images / value).toFixed(0).padStart(7)} images/s`
  console.log(
    `\n${model}, ${images} images, batch ${batch}, ${precision} on ${device}, ${threads} threads: seconds per epoch`
  )
  console.log(`  lrp-native                          ${of(seconds.ours)}`)
  console.log(`  PyTorch, PIL images and DataLoader  ${of(seconds.usual)}   ${times.usual.toFixed(1)} times ours`)
  console.log(`  PyTorch, tensors in memory, fused   ${of(seconds.memory)}   ${times.memory.toFixed(2)} times ours`)
}
