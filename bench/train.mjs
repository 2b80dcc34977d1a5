import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { native, openDataset, train } from '../dist/index.js'
import { pythonEnvironment } from '../scripts/lib/python-environment.mjs'
import { median } from './lib/measure.mjs'

// Seconds per epoch of training beside PyTorch on the same machine and data:
//   npm run bench:train -- --data-path path/to/mnist [--python path/to/python] [--epochs 5] [--rounds 3] [--threads 2] [--json]
// The Python needs torch, torchvision and pillow; without --python a virtual environment with them is made in the cache.
const { values } = parseArgs({
  options: {
    'data-path': { type: 'string' },
    python: { type: 'string' },
    epochs: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    model: { type: 'string', default: 'mlp,lenet' },
    json: { type: 'boolean', default: false }
  }
})
const [epochs, rounds, threads] = [values.epochs, values.rounds, values.threads].map(Number)
const packages = ['torch==2.11.0', 'torchvision==0.26.0', 'numpy', 'pillow']
const python = values.python ?? (await pythonEnvironment('bench-train', packages))
if (!python) throw new Error('there is no Python, or pip cannot fetch PyTorch')
const folder = mkdtempSync(join(tmpdir(), 'lrp-bench-'))
native().setThreads(threads)

try {
  const dataset = await openDataset({ data: 'mnist', dataPath: values['data-path'], validSplit: 0 })
  const { images, labels } = dataset.splits.train
  writeFileSync(join(folder, 'images.bin'), images)
  writeFileSync(join(folder, 'labels.bin'), labels)
  const results = []
  for (const model of values.model.split(',')) {
    const seconds = { ours: [], usual: [], memory: [] }
    for (let round = 0; round < rounds; round++) {
      seconds.ours.push(...(await ours(dataset, model)))
      const theirs = pytorch(model)
      for (const how of ['usual', 'memory']) seconds[how].push(...theirs[how])
    }
    const [own, usual, memory] = ['ours', 'usual', 'memory'].map((how) => median(seconds[how]))
    results.push({
      model,
      images: labels.length,
      threads,
      seconds: { ours: own, usual, memory },
      times: { usual: usual / own, memory: memory / own }
    })
  }
  if (values.json) console.log(JSON.stringify({ results }, null, 2))
  else results.forEach(print)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function ours(data, model) {
  const settings = {
    model,
    hiddenSize: [512, 256],
    batchSize: 64,
    normalise: 'fit',
    scheduler: 'constant',
    learningRate: 1e-3
  }
  const result = await train({
    data,
    ...settings,
    epochs: epochs + 1,
    threads,
    experimentsRoot: folder,
    experimentName: 'dev'
  })
  result.model.dispose()
  return result.history.slice(1).map((event) => event.seconds)
}

function pytorch(model) {
  const script = fileURLToPath(new URL('train_pytorch.py', import.meta.url))
  const files = ['--images', join(folder, 'images.bin'), '--labels', join(folder, 'labels.bin')]
  const settings = ['--model', model, '--epochs', String(epochs), '--threads', String(threads)]
  return JSON.parse(execFileSync(python, [script, ...files, ...settings], { encoding: 'utf8' }))
}

function print({ model, images, seconds, times }) {
  const of = (value) => value.toFixed(3).padStart(8)
  console.log(`\n${model}, ${images} images, batch 64, Adam, ${threads} threads: seconds per epoch`)
  console.log(`  lrp-native                          ${of(seconds.ours)}`)
  console.log(`  PyTorch, PIL images and DataLoader  ${of(seconds.usual)}   ${times.usual.toFixed(1)} times ours`)
  console.log(`  PyTorch, tensors in memory, fused   ${of(seconds.memory)}   ${times.memory.toFixed(2)} times ours`)
}
