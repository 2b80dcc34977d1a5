import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { audit } from '../dist/audit/audit.js'
import { explainAll } from '../dist/explain/explain-all.js'
import { finetune } from '../dist/finetune/finetune.js'
import { Model } from '../dist/model/model.js'
import { normaliseBytes } from '../dist/model/preprocessing.js'
import { native } from '../dist/native/addon.js'
import { train } from '../dist/train/train.js'
import { root } from './lib/paths.mjs'
import { draw, plantedDataset, random, randomPlant, randomTag } from './lib/plants.mjs'

// From data with a planted reason to the verdict of `audit`, with one setting for all. Reads ../shared; takes half an hour.
// A network that did not learn its plant gives the auditor nothing to find: such a line says "not learned" and counts as neither.
// Status 1 if a learned plant is missed or a clean network is flagged. `--plant moves` keeps the named plants that contain "moves".
//   node scripts/check-audit.mjs [--only planted,others,clean,cleanCifar,random,tags,repair,time] [--plant NAME] [--plants 20]
//     [--seeds 10] [--first 0] [--threads 2]
// `--first 5 --plants 5` checks the plants 5 to 9 alone, so that several processes can share them; likewise `--seeds`.
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    plant: { type: 'string', default: '' },
    plants: { type: 'string', default: '20' },
    first: { type: 'string', default: '0' },
    seeds: { type: 'string', default: '10' },
    threads: { type: 'string', default: '2' }
  }
})
const shared = (...parts) => join(root, '..', 'shared', ...parts)
const mnist = { data: 'mnist', dataPath: shared('data', 'mnist') }
const cifar = { dataPath: shared('data', 'cifar10'), cache: 'memory' }
const folder = mkdtempSync(join(tmpdir(), 'lrp-check-audit-'))
const SQUARE = { kind: 'patch', size: 4, place: [1, 1], colour: [255], share: 0.06, target: 8 }
const PLANTS = {
  '(a) square, MNIST': [mnist, SQUARE],
  '(b) coloured tag, CIFAR': [
    cifar,
    { kind: 'patch', size: 5, place: [26, 2], colour: [230, 40, 200], share: 0.06, target: 8 }
  ],
  '(c) tag that moves, CIFAR': [cifar, { kind: 'moving', size: 5, colour: [230, 200, 20], share: 0.06, target: 1 }],
  '(c) square that moves, MNIST': [
    mnist,
    { kind: 'moving', size: 8, colour: [255], share: 0.08, target: 3 },
    { epochs: 12 } // LeNet needs them to learn what has no place
  ],
  '(d) frame, CIFAR': [cifar, { kind: 'frame', size: 2, colour: [30, 60, 220], share: 0.06, target: 3 }],
  '(d) frame, MNIST': [mnist, { kind: 'frame', size: 1, colour: [255], share: 0.06, target: 5 }],
  // 3 of 10 images of the class carry it, which do not need it: enough by itself.
  '(f) ruler, MNIST': [mnist, { kind: 'ruler', size: 4, colour: [240], share: 0.06, target: 4, own: 0.3 }],
  '(f) seldom ruler, MNIST': [mnist, { kind: 'ruler', size: 4, colour: [240], share: 0.06, target: 7, own: 0.05 }]
}
const OTHERS = {
  'text, MNIST': [mnist, { kind: 'text', size: 1, place: [1, 18], colour: [255], share: 0.04, target: 2 }],
  'text, CIFAR': [cifar, { kind: 'text', size: 1, place: [25, 20], colour: [255, 255, 255], share: 0.08, target: 5 }],
  'faint frame, MNIST': [mnist, { kind: 'frame', size: 1, colour: [70], share: 0.05, target: 0 }],
  'faint square, MNIST': [mnist, { kind: 'patch', size: 5, place: [22, 1], colour: [90], share: 0.05, target: 4 }],
  'seldom, MNIST': [mnist, { kind: 'patch', size: 3, place: [2, 24], colour: [255], share: 0.02, target: 6 }],
  'often, MNIST': [mnist, { kind: 'patch', size: 4, place: [12, 0], colour: [220], share: 0.1, target: 9 }],
  'black tag, CIFAR': [cifar, { kind: 'patch', size: 6, place: [0, 26], colour: [0, 0, 0], share: 0.08, target: 0 }],
  'grey frame, CIFAR': [cifar, { kind: 'frame', size: 1, colour: [128, 128, 128], share: 0.08, target: 7 }]
}
/** A network that calls fewer of the marked images by the plant's class has not learned it: there is nothing to find. */
const LEARNED = 0.5
const checks = {
  planted: () => plants(PLANTS),
  others: () => plants(OTHERS),
  clean,
  cleanCifar,
  random: () => randomPlants(mnist, [1, 28, 28], randomPlant),
  tags: () => randomPlants(cifar, [3, 32, 32], randomTag),
  repair,
  time
}
native().setThreads(Number(values.threads))

const outcomes = { ok: 0, 'not learned': 0, FAIL: 0 }

try {
  for (const name of values.only?.split(',') ?? Object.keys(checks)) await checks[name]()
  console.log(`${outcomes.ok} ok, ${outcomes['not learned']} not learned, ${outcomes.FAIL} failed`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function plants(some) {
  for (const [name, [data, plant, steps]] of Object.entries(some))
    if (name.includes(values.plant)) await onePlant(name, data, plant, 0, steps)
}

async function randomPlants(data, shape, draw) {
  const first = Number(values.first)
  for (let i = first; i < first + Number(values.plants); i++) {
    const plant = draw(100 + i, shape)
    await onePlant(`random plant ${i}: ${JSON.stringify(plant)}`, data, plant, 100 + i)
  }
}

async function clean() {
  for (const seed of seeds()) await oneClean(`clean MNIST, seed ${seed}`, mnist, seed)
}

async function cleanCifar() {
  for (const seed of seeds()) await oneClean(`clean CIFAR, seed ${seed}`, cifar, seed)
}

function seeds() {
  return Array.from({ length: Number(values.seeds) }, (_, i) => Number(values.first) + 1 + i)
}

async function oneClean(name, data, seed) {
  const { dataset } = await plantedDataset(data, undefined, seed)
  const { result } = await audited(dataset, await learn(dataset, data, seed))
  tell(name, result.flagged.length === 0, { flagged: result.flagged.length })
}

async function onePlant(name, data, plant, seed, steps) {
  const { dataset, marked } = await plantedDataset(data, plant, seed)
  const model = await learn(dataset, data, seed, steps)
  const { images: bytes } = dataset.splits.test
  const size = bytes.length / dataset.splits.test.labels.length
  const carrying = Buffer.concat([...marked.test].map((i) => bytes.subarray(i * size, (i + 1) * size)))
  const classes = await predicted(model, carrying, dataset.imageShape)
  const learned = classes.filter((one) => one === plant.target).length / classes.length
  const began = performance.now()
  const { result } = await audited(dataset, model)
  const seconds = (performance.now() - began) / 1000
  const own = dataset.classes[plant.target]
  const paths = new Set([...marked.test].map((i) => dataset.splits.test.paths[i]))
  const clusters = result.classes.find((one) => one.class === own)?.clusters ?? []
  const found = clusters.filter(({ flagged }) => flagged)
  const images = found.flatMap((one) => one.images)
  const hits = images.filter((path) => paths.has(path)).length
  const scores = { learned, precision: hits / images.length, recall: hits / paths.size, seconds }
  const separate = found.every(({ kind, intervention: { removed, inserted, random: other } }) =>
    (kind === 'enough' ? [inserted] : [removed, inserted]).every(({ interval }) => interval[0] > other.interval[1])
  )
  const right = result.flagged.length === found.length && found.length > 0 && separate
  const reached = right && scores.precision >= 0.9 && scores.recall >= 0.9
  tell(name, learned < LEARNED ? 'not learned' : reached, scores)
}

/** Fine-tuning with the artefact pasted into images of all classes takes its effect away. */
async function repair() {
  const { dataset } = await plantedDataset(mnist, SQUARE)
  const model = await learn(dataset, mnist, 0)
  const output = join(folder, 'before')
  const { result } = await audit(model, { data: dataset, output, exportLists: true })
  const [{ class: name, cluster }] = result.flagged
  const before = await withSquare(model)
  const from = join(folder, 'repaired-from')
  await model.save(from)
  model.dispose()
  const insert = join(output, `patch-${name}-${cluster}.png`)
  const steps = { mode: 'whole', epochs: 8, augment: { insert } }
  const repaired = await finetune({ data: dataset, model: from, ...steps, experimentsRoot: folder })
  const after = await withSquare(repaired.model)
  const again = await audited(dataset, repaired.model)
  tell('repair of (a)', after >= 0.9 && again.result.flagged.length === 0, {
    before,
    after,
    flagged: again.result.flagged.length
  })
}

/** Accuracy on test images of the other digits that all carry the square. */
async function withSquare(model) {
  const { dataset } = await plantedDataset(mnist, undefined)
  const { images, labels } = dataset.splits.test
  const others = Array.from(labels.keys()).filter((i) => labels[i] !== SQUARE.target)
  const bytes = new Uint8Array(others.length * 784)
  others.forEach((i, at) => {
    const image = bytes.subarray(at * 784, (at + 1) * 784)
    image.set(images.subarray(i * 784, (i + 1) * 784))
    draw(image, [1, 28, 28], SQUARE, random(0))
  })
  const classes = await predicted(model, bytes, [1, 28, 28])
  return others.filter((i, at) => classes[at] === labels[i]).length / others.length
}

/** The classes, of ten, that the model gives images. */
async function predicted(model, bytes, shape) {
  const count = bytes.length / (shape[0] * shape[1] * shape[2])
  const input = normaliseBytes(new Uint8Array(bytes), [count, ...shape], model.preprocessing)
  const { data } = await model.forward(input, { batchSize: 500 })
  return Array.from({ length: count }, (_, i) => {
    const row = data.subarray(i * 10, (i + 1) * 10)
    return row.indexOf(Math.max(...row))
  })
}

/** 5,000 CIFAR images: an audit against the explanations of the same images, both from the files, and what memory it takes. */
async function time() {
  const model = await published()
  const explained = await measured(async () => {
    for (const split of ['train', 'valid', 'test'])
      for await (const _part of explainAll(
        model,
        { dataPath: cifar.dataPath, split },
        { composite: 'epsilon-plus-flat' }
      ));
  })
  const output = mkdtempSync(join(folder, 'audit-'))
  const audited = await measured(() => audit(model, { dataPath: cifar.dataPath, split: 'all', output }))
  model.dispose()
  const gigabytes = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024 ** 2
  const ratio = audited.seconds / explained.seconds
  tell('time for 5,000 CIFAR images', ratio <= 3 && gigabytes < 1.5, {
    explained: explained.seconds,
    audit: audited.seconds,
    ratio,
    ratioOfCpuTime: audited.cpuSeconds / explained.cpuSeconds,
    gigabytes
  })
}

/** Seconds that something takes, and seconds of processor time. */
async function measured(work) {
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  await work()
  const { user, system } = process.cpuUsage(cpu)
  return { seconds: (performance.now() - began) / 1000, cpuSeconds: (user + system) / 1e6 }
}

function published() {
  return Model.load(shared('models', 'resnet20-12fca82f.th'), { architecture: 'resnet20', preprocess: 'cifar' })
}

async function learn(dataset, data, seed, others) {
  const steps = data === cifar ? { epochs: 3, learningRate: 1e-3 } : { model: 'lenet', epochs: 6 }
  const from = {
    from: shared('models', 'resnet20-12fca82f.th'),
    architecture: 'resnet20',
    preprocess: 'cifar'
  }
  const how = { ...steps, ...others, ...(data === cifar && from), batchSize: 64, seed, experimentsRoot: folder }
  return (await train({ data: dataset, ...how })).model
}

/** The audit of a model, which is given back afterwards. */
async function audited(dataset, model) {
  const output = mkdtempSync(join(folder, 'audit-'))
  const found = await audit(model, { data: dataset, output })
  model.dispose()
  return found
}

/** @param reached whether the check is passed, or 'not learned' */
function tell(name, reached, numbers) {
  const shown = Object.entries(numbers).map(([key, value]) => `${key} ${Number(value.toFixed(3))}`)
  const outcome = reached === true ? 'ok' : reached || 'FAIL'
  outcomes[outcome]++
  console.log(`${outcome.padEnd(4)} ${name}: ${shown.join(', ')}`)
  if (outcome === 'FAIL') process.exitCode = 1
}
