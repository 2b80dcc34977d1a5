import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { explain } from '../dist/explain/explain.js'
import { inspectModel } from '../dist/explain/inspect-model.js'
import { ARCHITECTURES } from '../dist/model/architectures/index.js'
import { readSafetensors } from '../dist/model/import/safetensors.js'
import { Model } from '../dist/model/model.js'
import { root } from './lib/paths.mjs'
import { pythonEnvironment } from './lib/python-environment.mjs'

// Every torchvision architecture with random weights, as state dict, .pt2 and .onnx, compared with torchvision's logits and,
// where zennit can explain it, zennit's epsilon-plus relevance, both in float64. Very deep random networks amplify rounding:
// where PyTorch's own float32 misses the limit, ours may be twice as far off. Logits that hardly depend on the image would
// hide every mistake: a network is refused unless two images differ. Takes about a quarter of an hour; writes the table of
// docs/models.md.
//   node scripts/check-architectures.mjs [--only alexnet,vgg16]
const { values } = parseArgs({ options: { only: { type: 'string' } } })
const [LOGITS, RELEVANCE, DIFFERENT] = [1e-4, 1e-2, 1e-2] // rounding decides ties of max pooling, and moves relevance
const PACKAGES = [
  'torch==2.11.0',
  'torchvision==0.26.0',
  'zennit==0.5.1',
  'safetensors==0.8.0',
  'numpy==2.4.6',
  'onnx==1.23.2',
  'onnxscript==0.7.2'
]
const own = /^(mlp|lenet|resnet(20|32|44|56|110))$/
const names = values.only?.split(',') ?? Object.keys(ARCHITECTURES).filter((name) => !own.test(name))
const python = await pythonEnvironment('check-architectures', PACKAGES)
if (!python) throw new Error('there is no Python, or pip cannot fetch torchvision and zennit')

const rows = []
for (const name of names) {
  const folder = mkdtempSync(join(tmpdir(), 'lrp-architectures-'))
  try {
    rows.push(await check(name, folder))
    console.log(line(rows.at(-1)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
if (!values.only) writeTable(rows)
if (rows.some((row) => row.wrong.length > 0)) process.exitCode = 1

async function check(name, folder) {
  const made = spawnSync(python, [join(root, 'scripts', 'check-architectures.py'), name, folder], { encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`${name}: ${made.stderr.trim().split('\n').at(-1)}`)
  const expected = await readSafetensors(join(folder, 'expected.safetensors'))
  const row = { name, logits: {}, wrong: [] }
  const logits = floats(expected.get('logits'))
  const half = logits.data.length / 2
  row.logits.torchvision = difference(floats(expected.get('logits_float32')), logits)
  row.images = difference({ data: logits.data.subarray(0, half) }, { data: logits.data.subarray(half) })
  if (!(row.images >= DIFFERENT)) row.wrong.push('two images have nearly the same logits')
  for (const type of ['pth', 'pt2', 'onnx']) {
    const options = type === 'pth' ? { architecture: name } : {}
    const model = await Model.load(join(folder, `${name}.${type}`), options)
    const input = floats((type === 'pth' && expected.get('input_pth')) || expected.get('input'))
    row.logits[type] = difference(await model.forward(input), logits)
    if (!(row.logits[type] <= Math.max(LOGITS, 2 * row.logits.torchvision))) row.wrong.push(type)
    if (type === 'pth') row.parameters = (await inspectModel(model)).parameters
    if (type === 'pth' && expected.has('relevance')) {
      const { relevance } = await explain(model, input, { composite: 'epsilon-plus' })
      const exact = floats(expected.get('relevance'))
      row.relevance = difference(relevance, exact)
      row.zennit = difference(floats(expected.get('relevance_float32')), exact)
      if (!(row.relevance <= RELEVANCE)) row.wrong.push('relevance')
    }
    model.dispose()
  }
  return row
}

function floats({ data, shape }) {
  return { data: new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4), shape }
}

/** Largest difference over the largest value. */
function difference(ours, theirs) {
  let [worst, largest] = [0, 0]
  for (let i = 0; i < theirs.data.length; i++) {
    worst = Math.max(worst, Math.abs(ours.data[i] - theirs.data[i]))
    largest = Math.max(largest, Math.abs(theirs.data[i]))
  }
  return worst / largest
}

function line({ name, parameters, images, logits, relevance, zennit, wrong }) {
  const number = (value) => (value === undefined ? '' : value.toExponential(1))
  const cells = [
    `\`${name}\``,
    parameters.toLocaleString('en-US'),
    number(images),
    ...Object.values(logits).map(number),
    number(relevance),
    number(zennit)
  ]
  return `| ${cells.join(' | ')} |${wrong.length > 0 ? ` <- ${wrong.join(', ')}` : ''}`
}

function writeTable(rows) {
  const path = join(root, 'docs', 'models.md')
  if (!existsSync(path)) return
  const logits = ["logits, torchvision's float32", 'state dict', '.pt2', '.onnx']
  const columns = ['architecture', 'parameters', 'two images', ...logits, 'relevance', "zennit's float32"]
  const head = `| ${columns.join(' | ')} |\n|${'---|'.repeat(columns.length)}`
  const table = [head, ...rows.map(line)].join('\n')
  const [begin, end] = ['<!-- check-architectures: begin -->', '<!-- check-architectures: end -->']
  const text = readFileSync(path, 'utf8')
  const [before, after] = [text.split(begin)[0], text.split(end)[1]]
  writeFileSync(path, `${before}${begin}\n\n${table}\n\n${end}${after}`)
}
