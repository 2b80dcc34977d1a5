import { mkdtempSync, readdirSync, readFileSync, writeFileSync, rmSync, copyFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isLrpError } from '../dist/core/errors.js'
import { importModel, readStateDict } from '../dist/model/import/index.js'
import { Model } from '../dist/model/model.js'
import { root } from './lib/paths.mjs'

// Damages model files at random and imports them: each must load, or be refused by an error of ours, with
// bounded memory and processor time (a busy machine counts for nothing).
//   node scripts/fuzz-importers.mjs [--seconds 60] [--files NUMBER] [--seed 1]
// A file that breaks this is kept, its path printed, and the exit status is 1.
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    files: { type: 'string' },
    seed: { type: 'string', default: '1' }
  }
})
const MOST_MEGABYTES = 2000
const MOST_CPU_SECONDS = 10
const fixtures = ['fixtures', 'programs'].map((name) => join(root, 'test', 'model', 'import', name))
const seeds = fixtures.flatMap((from) =>
  readdirSync(from).map((name) => ({ name, bytes: readFileSync(join(from, name)) }))
)
const folder = mkdtempSync(join(tmpdir(), 'lrp-fuzz-'))
let state = Number(values.seed) >>> 0

/** Numbers of 0 to n - 1 (mulberry32). */
function random(n) {
  state = (state + 0x6d2b79f5) >>> 0
  let t = Math.imul(state ^ (state >>> 15), state | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return ((t ^ (t >>> 14)) >>> 0) % n
}

const INTERESTING = [0, 1, 127, 128, 255]
const MUTATIONS = [
  (bytes) => bytes.with(random(bytes.length), random(256)),
  (bytes) => bytes.with(random(bytes.length), INTERESTING[random(INTERESTING.length)]),
  (bytes) => bytes.slice(0, random(bytes.length)),
  (bytes) => cut(bytes, random(bytes.length), random(64)),
  (bytes) => insert(bytes, random(bytes.length), bytes.slice(random(bytes.length)).slice(0, random(64))),
  (bytes) => {
    const at = random(bytes.length)
    return bytes.fill(255, at, at + 1 + random(8))
  },
  digits
]

function cut(bytes, at, length) {
  return Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(at + length)])
}

function insert(bytes, at, part) {
  return Uint8Array.from([...bytes.slice(0, at), ...part, ...bytes.slice(at)])
}

/** Another number where the file's JSON has one. */
function digits(bytes) {
  const places = [...bytes.keys()].filter((i) => bytes[i] >= 48 && bytes[i] <= 57)
  return places.length === 0 ? bytes : bytes.with(places[random(places.length)], 48 + random(10))
}

async function load(path) {
  const parts = /\.(onnx|pt2)$/.test(path) ? await importModel(path) : undefined
  if (!parts) return void (await readStateDict(path))
  const model = await Model.create(parts)
  model.shapes()
  model.dispose()
}

const counts = { loaded: 0, refused: 0 }
const end = values.files === undefined ? Date.now() + Number(values.seconds) * 1000 : Infinity
const most = Number(values.files ?? Infinity)
let failure
while (Date.now() < end && counts.loaded + counts.refused < most && !failure) {
  const { name, bytes } = seeds[random(seeds.length)]
  let changed = Uint8Array.from(bytes)
  for (let i = random(4); i >= 0 && changed.length > 1; i--) changed = MUTATIONS[random(MUTATIONS.length)](changed)
  const path = join(folder, name)
  writeFileSync(path, changed)
  const before = process.cpuUsage()
  try {
    await load(path)
    counts.loaded++
  } catch (error) {
    counts.refused++
    if (!isLrpError(error) || error.message.includes('\n')) failure = `${name}: ${error.stack ?? error}`
  }
  const megabytes = process.memoryUsage().rss / 2 ** 20
  if (megabytes > MOST_MEGABYTES) failure = `${name}: ${megabytes.toFixed(0)} MB`
  const { user, system } = process.cpuUsage(before)
  const seconds = (user + system) / 1e6
  if (seconds > MOST_CPU_SECONDS) failure = `${name}: ${seconds.toFixed(1)} s of processor time`
  if (failure) {
    const kept = join(tmpdir(), `lrp-fuzz-${name}`)
    copyFileSync(path, kept)
    console.error(`${kept}\n${failure}`)
    process.exitCode = 1
  }
}
rmSync(folder, { recursive: true, force: true })
console.log(`${counts.loaded} damaged files loaded, ${counts.refused} were refused${failure ? ', one failed' : ''}`)
