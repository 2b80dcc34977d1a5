import { spawn, execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openDataset } from '../dist/data/open.js'
import { finetune } from '../dist/finetune/finetune.js'
import { readSafetensors } from '../dist/model/import/safetensors.js'
import { Model } from '../dist/model/model.js'
import { native } from '../dist/native/addon.js'
import { testModel } from '../dist/scores/test-model.js'
import { train } from '../dist/train/train.js'
import { root } from './lib/paths.mjs'

// What training reaches on real images, compared with what PyTorch reached on the same, and whether runs that are killed end as
// they would have. Reads ../shared; takes some minutes; status 1 where something falls short.
//   node scripts/check-training.mjs [--only lenet,labels,resnet20,finetune,kills] [--threads 2] [--python python3]
// With --python (torch, scikit-learn) PyTorch trains on the derived labels in the same run; else its recorded scores are shown.
const { values } = parseArgs({
  options: { only: { type: 'string' }, threads: { type: 'string', default: '2' }, python: { type: 'string' } }
})
const KILLS = 20
/** As in make-multilabel-fixture.py. */
const LABELS = { even: [0, 2, 4, 6, 8], large: [5, 6, 7, 8, 9], loop: [0, 6, 8, 9], prime: [2, 3, 5, 7] }
/** Mean average precision and accuracy of PyTorch 2.11 on MNIST. */
const RECORDED = { multilabel: [0.9934, 0.9703], binary: [0.994, 0.9715] }
const data = (...parts) => join(root, '..', 'shared', ...parts)
const cifar = { dataPath: data('data', 'cifar10') }
const folder = mkdtempSync(join(tmpdir(), 'lrp-check-training-'))
const where = { experimentsRoot: folder, onProgress: report }
const checks = { lenet, labels, resnet20, finetune: lastLayer, kills }
native().setThreads(Number(values.threads))

try {
  const rows = []
  for (const name of values.only?.split(',') ?? Object.keys(checks)) rows.push(...(await timed(checks[name])))
  console.log(['| | reached | wanted | PyTorch | seconds |', '|---|---|---|---|---|', ...rows.map(line)].join('\n'))
  if (!rows.every(isReached)) process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function lenet() {
  const mnist = { data: 'mnist', dataPath: data('data', 'mnist') }
  const { model } = await train({ ...where, ...mnist, model: 'lenet', epochs: 5 })
  return [{ what: 'LeNet, MNIST, 5 epochs', ...(await accuracy(model, mnist)), wanted: 0.97, pytorch: 0.973 }]
}

/** Labels derived from MNIST: any number for each image, and one of two classes. Both sides: means of three seeds. */
async function labels() {
  const epochs = 5
  const digits = await openDataset({ data: 'mnist', dataPath: data('data', 'mnist') })
  const pytorch = values.python ? trainedByPytorch(values.python, epochs) : RECORDED
  const sets = Object.values(LABELS)
  const withLabels = (change) =>
    Object.fromEntries(Object.entries(digits.splits).map(([name, split]) => [name, { ...split, ...change(split) }]))
  const several = {
    ...digits,
    name: 'several',
    task: 'multilabel',
    classes: Object.keys(LABELS),
    splits: withLabels(({ labels: own }) => ({
      labels: new Int32Array(own.length),
      values: Float32Array.from([...own].flatMap((digit) => sets.map((members) => Number(members.includes(digit)))))
    }))
  }
  const even = {
    ...digits,
    name: 'even',
    classes: ['odd', 'even'],
    splits: withLabels(({ labels: own }) => ({ labels: own.map((digit) => Number(digit % 2 === 0)) }))
  }
  const rows = []
  for (const [task, dataset] of [
    ['multilabel', several],
    ['binary', even]
  ]) {
    const found = []
    for (const seed of [0, 1, 2]) {
      const { model } = await train({ ...where, data: dataset, task, epochs, seed })
      const { metrics } = await testModel(model, { data: dataset })
      model.dispose()
      found.push([metrics.meanAveragePrecision ?? metrics.averagePrecision, metrics.labelAccuracy ?? metrics.accuracy])
    }
    for (const [i, what] of ['mean average precision', 'accuracy'].entries()) {
      const theirs = pytorch[task][i]
      const reached = mean(found.map((one) => one[i]))
      const name = `MNIST, ${task === 'binary' ? 'even or odd by one logit' : 'four labels'}, ${epochs} epochs: ${what}`
      rows.push({ what: name, reached, wanted: theirs - 0.003, pytorch: theirs }) // seeds differ by up to 0.003
    }
  }
  return rows
}

async function resnet20() {
  const steps = { optimizer: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 5e-4, learningRate: 0.1, batchSize: 64 }
  const images = { ...cifar, normalise: 'fit', augment: 'crop=4,flip' }
  const { model } = await train({ ...where, ...images, ...steps, model: 'resnet20', epochs: 15 })
  const what = 'ResNet-20 from scratch, 4,000 CIFAR images, 15 epochs'
  return [{ what, ...(await accuracy(model, cifar)), wanted: 0.45, pytorch: 0.53 }]
}

async function lastLayer() {
  const weights = data('models', 'resnet20-12fca82f.th')
  const load = { architecture: 'resnet20' }
  const before = await accuracy(await Model.load(weights, load), cifar)
  const { test: scores, model } = await finetune({ ...where, ...cifar, model: weights, load, epochs: 20 })
  model.dispose()
  const reached = scores.metrics.accuracy
  return [
    { what: 'ResNet-20, published weights', ...before, wanted: 0.804, pytorch: 0.804 },
    { what: 'the same, last layer fine-tuned', reached, wanted: 0.825, pytorch: 0.834 }
  ]
}

/** Runs that are killed at random moments and resumed until 20 kills are done, each compared with one left alone. */
async function kills() {
  const whole = await run('whole', 'start')
  const expected = weightsOf('whole')
  let [killed, runs, same] = [0, 0, 0]
  while (killed < KILLS) {
    const name = `killed-${runs++}`
    for (let how = 'start', ended = false; !ended; how = existsSync(join(folder, name)) ? 'resume' : 'start') {
      ended = !(await run(name, how, killed < KILLS ? Math.random() * 0.6 * whole.milliseconds : Infinity)).killed
      if (ended) break
      killed++
      await checkWhole(join(folder, name))
    }
    const leftovers = readdirSync(join(folder, name)).filter((file) => file.endsWith('.tmp'))
    if (weightsOf(name).equals(expected) && leftovers.length === 0) same++
  }
  const what = `runs with the bits of one left alone, of ${runs} that were killed ${killed} times`
  return [{ what, reached: same, wanted: runs }]
}

/** A run in a process of its own, killed some milliseconds after its first report. */
function run(name, how, killAfter = Infinity) {
  const child = spawn(process.execPath, [
    join(root, 'test', 'train', 'killed.mjs'),
    join(root, 'dist'),
    folder,
    name,
    how
  ])
  let [errors, begun] = ['', 0]
  child.stderr.on('data', (chunk) => (errors += chunk))
  child.stdout.on('data', () => {
    if (begun > 0) return
    begun = performance.now()
    if (killAfter < Infinity) setTimeout(() => child.kill('SIGKILL'), killAfter)
  })
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') resolve({ killed: code !== 0, milliseconds: performance.now() - begun })
      else reject(new Error(`${name}: ${errors}`))
    })
  })
}

/** Throws where a file in an experiment is cut off. */
async function checkWhole(experiment) {
  JSON.parse(readFileSync(join(experiment, 'experiment.json'), 'utf8'))
  if (existsSync(join(experiment, 'model.json'))) (await Model.load(experiment)).dispose()
  const checkpoint = join(experiment, 'checkpoints', 'last.safetensors')
  if (existsSync(checkpoint)) await readSafetensors(checkpoint)
}

function weightsOf(name) {
  return readFileSync(join(folder, name, 'weights.safetensors'))
}

async function accuracy(model, options) {
  const { metrics } = await testModel(model, options)
  model.dispose()
  return { reached: metrics.accuracy }
}

async function timed(check) {
  const begun = performance.now()
  const rows = await check()
  rows.at(-1).seconds = (performance.now() - begun) / 1000
  return rows
}

function report(event) {
  if (event.kind !== 'epoch') return
  const [loss, valid] = [event.trainLoss, event.validAccuracy].map((value) => value.toFixed(4))
  console.error(`epoch ${event.epoch}: loss ${loss}, validation accuracy ${valid}`)
}

function rounded(number) {
  return typeof number === 'number' ? Number(number.toFixed(4)) : number
}

/** What PyTorch reaches: mean average precision and accuracy of both tasks. */
function trainedByPytorch(python, epochs) {
  const args = [join(root, 'scripts', 'make-multilabel-fixture.py'), data('data', 'mnist'), String(epochs)]
  const found = JSON.parse(execFileSync(python, args, { encoding: 'utf8', maxBuffer: 2 ** 24 }))
  const both = (runs) => [
    mean(runs.map((one) => mean(one.averagePrecision))),
    mean(runs.map((one) => one.labelAccuracy))
  ]
  return { multilabel: both(found.multilabel), binary: both(found.binary) }
}

function mean(numbers) {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length
}

function isReached({ reached, wanted }) {
  return reached >= wanted
}

function line(row) {
  const { what, seconds } = row
  const [reached, wanted, pytorch] = [row.reached, row.wanted, row.pytorch ?? ''].map(rounded)
  const cells = [what, reached, wanted, pytorch, seconds === undefined ? '' : seconds.toFixed(0)]
  return `| ${cells.join(' | ')} |${isReached(row) ? '' : ' <- short'}`
}
