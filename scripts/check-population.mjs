import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { explain, Model } from '../dist/index.js'
import { readNpy } from '../dist/core/npy.js'
import { root } from './lib/paths.mjs'
import { pythonEnvironment } from './lib/python-environment.mjs'

// The networks people have, as their exporters write them: logits compared with PyTorch's, and whether each is explained without a
// rule being named. Writes the tables of docs/models.md, with the reason for every refusal.
//   node scripts/check-population.mjs FOLDER [--only PATTERN]          files that are there: FOLDER/<format>/<population>.<name>
//   node scripts/check-population.mjs FOLDER --export POPULATION       exports them first (scripts/check-population.py)
// A network takes some seconds, all of them about half an hour. Results are kept in FOLDER/results.jsonl; --again forgets them.
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '.' },
    export: { type: 'string' },
    again: { type: 'boolean', default: false },
    one: { type: 'boolean', default: false }
  }
})
const [LOGITS, CONSERVED, SECONDS] = [1e-4, 10, 170]
const POPULATIONS = {
  A: 'timm, `.pt2`',
  B: 'torchvision, `.pt2`',
  C: 'transformers, `.pt2`',
  'D onnx-dynamo': '`.onnx`, torch.export',
  'D onnx-legacy': '`.onnx`, TorchScript',
  S: '`.pt2`, exported for one image'
}
const PACKAGES = [
  ...['torch==2.11.0', 'torchvision==0.26.0', 'timm==1.0.31', 'transformers==5.24.0'],
  ...['onnx==1.23.2', 'onnxscript==0.7.2', 'onnxruntime==1.32.0', 'safetensors==0.8.0', 'numpy==2.4.6', 'pillow']
]
const folder = resolve(positionals[0] ?? '.')
if (values.one) console.log(JSON.stringify(await check(folder)))
else await checkAll()

async function checkAll() {
  if (values.export) await exportAll(values.export)
  const kept = join(folder, 'results.jsonl')
  const lines = existsSync(kept) && !values.again ? readFileSync(kept, 'utf8').trim().split('\n') : []
  const known = new Map(lines.filter(Boolean).map((line) => [JSON.parse(line).path, JSON.parse(line)]))
  for (const path of files()) {
    if (known.has(path) || !new RegExp(values.only).test(path)) continue
    known.set(path, { path, ...inProcess(join(folder, path)) })
    console.log(path, reasonOf(known.get(path)) || 'as PyTorch')
    writeFileSync(kept, [...known.values()].map((row) => JSON.stringify(row)).join('\n') + '\n')
  }
  writeTables([...known.values()])
}

async function exportAll(population) {
  const python = await pythonEnvironment('check-population', PACKAGES)
  if (!python) throw new Error('there is no Python, or pip cannot fetch timm and transformers')
  mkdirSync(folder, { recursive: true })
  const script = join(root, 'scripts', 'check-population.py')
  const made = spawnSync(python, [script, resolve(population), folder, values.only], { stdio: 'inherit' })
  if (made.status !== 0) throw new Error('the export failed')
}

function files() {
  const formats = readdirSync(folder, { withFileTypes: true }).filter((one) => one.isDirectory())
  const paths = formats.flatMap(({ name }) => readdirSync(join(folder, name)).map((network) => `${name}/${network}`))
  return paths.filter((path) => fileOf(join(folder, path)) && existsSync(join(folder, path, 'ref.npy'))).sort()
}

function fileOf(path) {
  return ['m.pt2', 'm.onnx'].map((name) => join(path, name)).find(existsSync)
}

/** A network that ends the process must not end the others. */
function inProcess(path) {
  const self = fileURLToPath(import.meta.url)
  const ended = spawnSync(process.execPath, [self, path, '--one'], { encoding: 'utf8', timeout: SECONDS * 1000 })
  try {
    return JSON.parse(ended.stdout.trim().split('\n').at(-1))
  } catch {
    return {
      refused: ended.error ? `takes more than ${SECONDS} seconds` : `ends the process (${ended.signal ?? ended.status})`
    }
  }
}

async function check(path) {
  const file = fileOf(path)
  const says = (error) => String(error?.message ?? error).replaceAll(file, 'FILE')
  const floats = async (name) => {
    const { data, shape } = await readNpy(join(path, name))
    return { data: Float32Array.from(data), shape }
  }
  const [x, expected] = [await floats('x.npy'), await floats('ref.npy')]
  let model
  try {
    model = await Model.load(file)
  } catch (error) {
    return { refused: says(error) }
  }
  const result = {}
  try {
    const logits = await model.forward(x)
    if (logits.shape.join() !== expected.shape.join()) return { failed: `its logits have the shape ${logits.shape}` }
    result.difference = difference(logits.data, expected.data)
  } catch (error) {
    return { failed: says(error) }
  }
  try {
    const one = { data: x.data.slice(0, x.data.length / x.shape[0]), shape: [1, ...x.shape.slice(1)] }
    const { relevance, conservationError } = await explain(model, one)
    result.finite = relevance.data.every(Number.isFinite)
    result.conservation = Math.max(...conservationError)
  } catch (error) {
    result.unexplained = says(error)
  }
  return result
}

/** Largest difference over the largest value. */
function difference(ours, theirs) {
  let [worst, largest] = [0, 0]
  for (let i = 0; i < theirs.length; i++) {
    const apart = Math.abs(ours[i] - theirs[i])
    if (!(apart <= worst)) worst = apart
    largest = Math.max(largest, Math.abs(theirs[i]))
  }
  return worst / largest
}

/** Why a network does not count as imported or as explained; empty where it does. */
function reasonOf({ refused, failed, difference, unexplained, finite, conservation }) {
  if (refused) return `refused: ${refused}`
  if (failed) return `fails: ${failed}`
  if (!(difference <= LOGITS)) return `logits differ by ${difference?.toExponential(1)}`
  if (unexplained) return `not explained: ${unexplained}`
  if (!finite) return 'its map is not finite'
  return conservation < CONSERVED ? '' : `conservation error ${conservation?.toExponential(1)}`
}

function populationOf({ path }) {
  const [format, name] = path.split('/')
  return name[0] === 'D' ? `D ${format}` : name[0]
}

function writeTables(rows) {
  const counts = Object.entries(POPULATIONS).flatMap(([population, what]) => {
    const own = rows.filter((row) => populationOf(row) === population)
    if (own.length === 0) return []
    const right = own.filter((row) => row.difference <= LOGITS)
    const explained = right.filter((row) => row.finite)
    const conserved = explained.filter((row) => row.conservation < CONSERVED)
    const imported = own.filter((row) => !row.refused)
    return [`| ${[what, ...[own, imported, right, explained, conserved].map((list) => list.length)].join(' | ')} |`]
  })
  const columns = [
    'networks',
    'exported',
    'imported',
    'same logits as PyTorch',
    'explained',
    'conservation error below 10'
  ]
  const reasons = rows
    .map((row) => [row.path, reasonOf(row)])
    .filter(([, reason]) => reason)
    .map(
      ([path, reason]) =>
        `| \`${path}\` | ${reason.replaceAll('|', '\\|').replaceAll('FILE: ', '').replaceAll('FILE', 'it')} |`
    )
  const table = (head, lines) => [`| ${head.join(' | ')} |`, `|${'---|'.repeat(head.length)}`, ...lines].join('\n')
  const text = `${table(columns, counts)}\n\n${table(['network', 'reason'], reasons)}`
  console.log(text)
  if (values.only !== '.') return
  const path = join(root, 'docs', 'models.md')
  const [begin, end] = ['<!-- check-population: begin -->', '<!-- check-population: end -->']
  const page = readFileSync(path, 'utf8')
  writeFileSync(path, `${page.split(begin)[0]}${begin}\n\n${text}\n\n${end}${page.split(end)[1]}`)
}
