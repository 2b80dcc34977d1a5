import { clearInterval, setInterval } from 'node:timers'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, extname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import sharp from 'sharp'
import { readNpy } from '../dist/core/npy.js'
import { readSafetensors } from '../dist/model/import/safetensors.js'
import { Random } from './lib/random-graph.mjs'
import { root } from './lib/paths.mjs'

// Kills commands by SIGKILL at random times until so many kills have hit. After every kill each file must be whole. Every run
// that reaches its end must leave what a run that was never killed leaves, to the bit, and no temporary files. Each command gets
// one line.
//   node scripts/check-kill.mjs [--kills 50] [--seed 1] [--only train,explain]
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' }
  }
})
const random = new Random(Number(values.seed))
const main = join(root, 'dist', 'cli', 'main.js')
const folder = mkdtempSync(join(tmpdir(), 'lrp-kill-'))
process.chdir(folder)

/** How a command is begun, how it is continued where that is another call, and what it leaves. */
const COMMANDS = {
  train: {
    begin: ['train', '--epochs', '12', '--batch-size', '16', '--experiment-name', 'out'],
    again: ['train', '--resume', 'out'],
    left: 'experiments/out'
  },
  finetune: {
    begin: ['finetune', 'base', '--mode', 'whole', '--epochs', '12', '--batch-size', '16', '--experiment-name', 'out'],
    again: ['finetune', '--resume', 'out'],
    left: 'experiments/out'
  },
  tune: {
    begin: ['tune', '--space', 'space.json', '--trials', '4', '--epochs', '3', '--experiment-name', 'out'],
    again: ['tune', '--resume', 'out'],
    left: 'experiments/out'
  },
  explain: {
    begin: ['explain', 'base', '--input', 'images', '--rule', 'epsilon', '--format', 'png,npy', '--output', 'out'],
    left: 'out'
  },
  evaluate: {
    begin: ['evaluate', 'base', '--limit', '40', '--rules', 'epsilon,gradient,random', '--output', 'out'],
    left: 'out'
  },
  convert: { begin: ['convert', 'net.onnx', '--output', 'out'], left: 'out' },
  export: { begin: ['export', 'base', '--output', 'out/net.onnx'], left: 'out' },
  report: { begin: ['report', '--output', 'out/report.html'], left: 'out' },
  concepts: { begin: ['concepts', 'cnn', '--limit', '60', '--output', 'out'], left: 'out' },
  audit: { begin: ['audit', 'base', '--limit', '60', '--output', 'out'], left: 'out' }
}

/** Runs a command line; kills it after so many milliseconds of CPU time. @returns CPU time, and how it ended */
function run(args, killAfter = Infinity) {
  const child = spawn(process.execPath, [main, ...args, '--threads', '1'], { stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (chunk) => (errors += chunk))
  let milliseconds = 0
  const timer = setInterval(() => {
    milliseconds = cpuTimeOf(child.pid) ?? milliseconds
    if (milliseconds >= killAfter) child.kill('SIGKILL')
  }, 5)
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearInterval(timer)
      resolve({ milliseconds, killed: signal === 'SIGKILL', code, errors })
    })
  })
}

/** Milliseconds in steps of 10, as Linux tells them: on a busy machine the time on the clock says little. */
function cpuTimeOf(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop().split(' ')
    return 10 * (Number(fields[11]) + Number(fields[12]))
  } catch {
    return undefined // it has ended
  }
}

function filesOf(path) {
  if (!existsSync(path)) return []
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** Reads a file as its kind is read; hidden ones are those of a run that is not done. */
async function checkWhole(path) {
  if (basename(path).startsWith('.')) return
  const kind = extname(path)
  if (kind === '.json') JSON.parse(readFileSync(path, 'utf8'))
  else if (kind === '.png') await sharp(path).stats()
  else if (kind === '.npy') await readNpy(path)
  else if (kind === '.safetensors') await readSafetensors(path)
  else if (statSync(path).size === 0) throw new Error('is empty')
}

/** Files whose bytes follow from the command alone. */
const EXACT = new Set(['.safetensors', '.npy', '.onnx', '.png', '.csv'])
const EXACT_JSON = /(concepts|audit|model)\.json$/
const TIMED = /history|checkpoints|tune\.csv|charts/
/** Runs for each kill that must hit, at most: some end before they are killed. */
const MOST_RUNS = 6

function digests(left) {
  const files = filesOf(left).filter((path) => (EXACT.has(extname(path)) || EXACT_JSON.test(path)) && !TIMED.test(path))
  const hash = (path) => createHash('sha256').update(readFileSync(path)).digest('hex')
  return Object.fromEntries(files.map((path) => [relative(left, path), hash(path)]).sort())
}

function clear() {
  rmSync('out', { recursive: true, force: true })
  rmSync('experiments/out', { recursive: true, force: true })
}

async function prepare() {
  mkdirSync('images')
  for (let i = 0; i < 400; i++) {
    const pixels = Uint8Array.from({ length: 64 }, () => random.below(256))
    await sharp(pixels, { raw: { width: 8, height: 8, channels: 1 } })
      .png()
      .toFile(`images/${i}.png`)
  }
  cpSync(join(root, 'test', 'examples', 'networks', 'net.onnx'), 'net.onnx')
  writeFileSync('space.json', '{"learning-rate": [0.001, 0.01]}')
  for (const [name, ...more] of [['cnn', '--model', 'lenet'], ['base']]) {
    const { code, errors } = await run(['train', '--epochs', '2', '--experiment-name', name, ...more])
    if (code !== 0) throw new Error(errors)
  }
}

async function check(name, { begin, again = begin, left }) {
  clear()
  const whole = await run(begin)
  if (whole.code !== 0) throw new Error(`${name}: ${whole.errors}`)
  const wanted = digests(left)
  clear()
  const kills = Number(values.kills)
  const counts = { runs: 0, kills: 0, withFiles: 0, ends: 0 }
  for (; counts.kills < kills && counts.runs < MOST_RUNS * kills; counts.runs++) {
    const { killed, code, errors } = await run(argumentsNow(begin, again), random.below(whole.milliseconds))
    if (!killed && code !== 0) throw new Error(`${name}: after ${counts.kills} kills it does not continue: ${errors}`)
    for (const path of filesOf(left)) {
      await checkWhole(path).catch((error) => {
        throw new Error(`${name}: after ${counts.kills} kills ${path} is not whole: ${error.message}`)
      })
    }
    counts.kills += killed
    counts.withFiles += killed && filesOf(left).length > 0
    if (killed) continue
    counts.ends++ // it was done before it could be killed
    checkEnd(name, left, wanted)
    clear()
  }
  const last = await run(argumentsNow(begin, again))
  if (last.code !== 0) throw new Error(`${name}: it does not continue: ${last.errors}`)
  checkEnd(name, left, wanted)
  const { runs, withFiles, ends } = counts
  const hits = `${counts.kills} kills in ${runs} runs, ${withFiles} of them with files there`
  const same = `${ends + 1} runs ended, each with ${Object.keys(wanted).length} files the same to the bit`
  console.log(`${name}: ${hits}; ${same}`)
  if (counts.kills < kills) throw new Error(`${name}: only ${counts.kills} kills hit`)
}

function checkEnd(name, left, wanted) {
  const found = digests(left)
  const other = Object.keys({ ...wanted, ...found }).filter((path) => wanted[path] !== found[path])
  if (other.length > 0) throw new Error(`${name}: other files than without kills: ${other.join(', ')}`)
  const leftovers = filesOf(left).filter((path) => path.endsWith('.tmp') || path.endsWith('.partial'))
  if (leftovers.length > 0) throw new Error(`${name}: left behind: ${leftovers.join(', ')}`)
}

/** What a user would type: the run is resumed where there is one. */
function argumentsNow(begin, again) {
  return begin === again || !existsSync(join('experiments', 'out', 'experiment.json')) ? begin : again
}

await prepare()
const names = values.only?.split(',') ?? Object.keys(COMMANDS)
for (const name of names) {
  try {
    await check(name, COMMANDS[name])
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
rmSync(folder, { recursive: true, force: true })
