import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { imagesOf } from '../dist/data/dataset.js'
import { writeNpy } from '../dist/core/npy.js'
import { openDataset } from '../dist/data/open.js'
import { scoreMaps } from '../dist/evaluate/score-maps.js'
import { explain } from '../dist/explain/explain.js'
import { Model } from '../dist/model/model.js'
import { normaliseBytes } from '../dist/model/preprocessing.js'
import { native } from '../dist/native/addon.js'
import { train } from '../dist/train/train.js'
import { pythonEnvironment } from '../scripts/lib/python-environment.mjs'
import { median } from './lib/measure.mjs'
import { networks, randomInput } from './lib/networks.mjs'
import { startPeer } from './lib/peer-process.mjs'

// `npm run bench:metrics`: pixel-flipping of 20 MNIST images and region perturbation of one image on VGG-16, beside Quantus,
// pinned, on the same weights, images and maps; both in turn, round by round, and the largest difference of the curves.
const { values } = parseArgs({
  options: {
    'data-path': { type: 'string' },
    threads: { type: 'string', default: '2' },
    tasks: { type: 'string', default: 'pixel-flipping,region-perturbation' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false }
  }
})
const PACKAGES = ['torch==2.11.0', 'torchvision==0.26.0', 'quantus==0.6.0', 'numpy']
const TASKS = { 'pixel-flipping': pixelFlipping, 'region-perturbation': regionPerturbation }
const [threads, rounds] = [values.threads, values.rounds].map(Number)

const python = await pythonEnvironment('bench-metrics', PACKAGES)
if (!python) throw new Error('there is no Python, or pip cannot fetch Quantus')
const folder = mkdtempSync(join(tmpdir(), 'lrp-metrics-'))
try {
  native().setThreads(threads)
  const tasks = []
  for (const name of values.tasks.split(',')) tasks.push(await TASKS[name]())
  for (const task of tasks) await writeTask(task)
  writeFileSync(join(folder, 'tasks.json'), JSON.stringify(tasks.map(({ settings }) => settings)))
  const script = join(import.meta.dirname, 'metrics_quantus.py')
  const quantus = await startPeer(python, [script, folder, String(threads)])
  const results = []
  for (const task of tasks) results.push(await compare(task, quantus))
  await quantus.stop()
  const table = { threads, rounds, versions: { node: process.version, ...quantus.ready.versions }, results }
  if (values.json) console.log(JSON.stringify(table, null, 2))
  else print(table)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** 20 test images of MNIST, all pixels, 28 at a time, on a LeNet that has seen the training images once. */
async function pixelFlipping() {
  const data = await openDataset({ data: 'mnist', dataPath: values['data-path'] })
  const { model } = await train({ data, model: 'lenet', epochs: 1, threads, experimentsRoot: folder })
  const { bytes, shape } = imagesOf(data, 'test', 0, 20)
  const settings = { name: 'pixel_flipping.morf.black', featuresInStep: 28, network: 'lenet', goal: 5 }
  return { settings, model, input: normaliseBytes(bytes, shape, model.preprocessing) }
}

/** One image, 100 squares of 8x8 pixels. Time does not depend on the values of the weights. */
async function regionPerturbation() {
  const model = await Model.create(await networks.vgg16())
  const settings = { name: 'region_perturbation.morf.black', patchSize: 8, regions: 100, network: 'vgg16', goal: 2 }
  return { settings, model, input: randomInput([1, ...model.imageShape]) }
}

/** Explains the images, and writes what Quantus needs. */
async function writeTask(task) {
  const { relevance, targets } = await explain(task.model, task.input, { composite: 'epsilon-plus' })
  Object.assign(task, { attribution: relevance, target: targets })
  const weights = await task.model.stateDict()
  const inOrder = task.model.graph.nodes.flatMap(({ parameters }) => [parameters.weight, parameters.bias])
  task.settings.weights = inOrder.filter((name) => name !== undefined)
  const arrays = {
    input: task.input,
    attribution: relevance,
    target: { data: Float32Array.from(targets), shape: [targets.length] }
  }
  for (const [name, array] of Object.entries(arrays)) await writeNpy(fileOf(task, name), array)
  for (const name of task.settings.weights) {
    const { data, shape } = weights.get(name)
    await writeNpy(fileOf(task, name), { data: new Float32Array(data.slice().buffer), shape })
  }
}

function fileOf({ settings }, name) {
  return join(folder, `${settings.network}.${name}.npy`)
}

async function compare({ settings, model, input, attribution, target }, quantus) {
  const { name, network, goal, weights: _, ...options } = settings
  const times = { ours: [], quantus: [], ratio: [] }
  let [curves, theirs] = []
  for (let round = 0; round <= rounds; round++) {
    theirs = await quantus.run(name)
    const begun = performance.now()
    curves = (await scoreMaps(model, { input, attribution, target, metrics: [name], ...options }))[name]
    const milliseconds = performance.now() - begun
    if (round === 0) continue // warms up
    times.ours.push(milliseconds)
    times.quantus.push(theirs.milliseconds)
    times.ratio.push(theirs.milliseconds / milliseconds)
  }
  model.dispose()
  return {
    metric: name,
    network,
    images: input.shape[0],
    ...options,
    milliseconds: { ours: median(times.ours), quantus: median(times.quantus) },
    timesAsFast: median(times.ratio),
    goal,
    difference: difference(curves, theirs.curves)
  }
}

/** Largest difference of two sets of curves, and of the values that they hold. */
function difference(ours, theirs) {
  const [found, expected] = [ours.flat(), theirs.flat()]
  if (found.length !== expected.length) throw new Error(`${found.length} values, Quantus has ${expected.length}`)
  return Math.max(...found.map((value, i) => Math.abs(value - expected[i])))
}

function print({ threads, rounds, versions, results }) {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  console.log(`${threads} threads, medians of ${rounds} rounds in turn; ${named.join(', ')}`)
  for (const { metric, network, images, milliseconds, timesAsFast, goal, difference } of results) {
    const { ours, quantus } = milliseconds
    console.log(`\n${metric}, ${images} image${images > 1 ? 's' : ''}, ${network}`)
    console.log(
      `  lrp-native ${ours.toFixed(1)} ms, Quantus ${quantus.toFixed(1)} ms: ${timesAsFast.toFixed(2)} times as fast (goal ${goal})`
    )
    console.log(`  largest difference of the curves ${difference.toExponential(1)}`)
  }
}
