import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readNpy } from '../dist/core/npy.js'
import { pythonEnvironment } from '../scripts/lib/python-environment.mjs'
import { median } from './lib/measure.mjs'

// `npm run bench:end-to-end -- --data-path FOLDER --photo FILE`: whole processes, cold, beside the usual zennit script with
// DataLoader; both in turn, round by round. FOLDER holds `train` and `test` with class folders of 32x32 images.
const { values } = parseArgs({
  options: {
    'data-path': { type: 'string' },
    photo: { type: 'string' },
    python: { type: 'string' },
    tasks: { type: 'string', default: 'photo,arrays,pictures,test' },
    rounds: { type: 'string', default: '7' },
    json: { type: 'boolean', default: false }
  }
})
const PACKAGES = ['torch==2.11.0', 'torchvision==0.26.0', 'zennit==0.5.1', 'numpy']
if (!values['data-path'] || !values.photo) throw new Error('give --data-path FOLDER and --photo FILE')

const python = values.python ?? (await pythonEnvironment('bench-end-to-end', PACKAGES))
if (!python) throw new Error('there is no Python, or pip cannot fetch zennit')
const images = join(values['data-path'], 'test')
const script = join(import.meta.dirname, 'end_to_end_zennit.py')
const folder = mkdtempSync(join(tmpdir(), 'lrp-end-to-end-'))
try {
  timed(python, [script, 'make', folder])
  const normalised = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
  writeFileSync(join(folder, 'small.json'), JSON.stringify({ ...normalised, channels: 3 }))
  const results = values.tasks.split(',').map(compare)
  const difference = values.tasks.includes('arrays') ? await differences() : undefined
  if (values.json) console.log(JSON.stringify({ rounds: Number(values.rounds), results, difference }, null, 2))
  else print(results, difference)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** What our command line is called with for a task. */
function oursFor(task) {
  const small = [join(folder, 'resnet20.pt2'), '--preprocess', join(folder, 'small.json'), '--threads', '2']
  const output = ['--output', join(folder, `ours-${task}`)]
  const explained = (format) => [
    ...['explain', ...small, '--input', images, '--composite', 'epsilon-plus', '--format', format, ...output]
  ]
  if (task === 'arrays') return explained('npy')
  if (task === 'pictures') return explained('png')
  if (task === 'test') return ['test', ...small, '--data-path', values['data-path']]
  if (task !== 'photo') throw new Error(`there is no task '${task}': use photo, arrays, pictures, test`)
  const network = [join(folder, 'resnet50.pt2'), '--preprocess', 'imagenet', '--threads', '2']
  return ['explain', ...network, '--input', values.photo, '--composite', 'epsilon-plus', ...output]
}

function compare(task) {
  const source = task === 'photo' ? values.photo : images
  const main = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js')
  const rounds = Array.from({ length: Number(values.rounds) + 1 }, () => {
    rmSync(join(folder, `ours-${task}`), { recursive: true, force: true })
    const ours = timed(process.execPath, [main, ...oursFor(task)])
    return { ours, zennit: timed(python, [script, task, folder, source]) }
  }).slice(1) // the first reads the files of both into memory
  const of = (pick) => median(rounds.map(pick))
  return {
    task,
    seconds: { ours: of(({ ours }) => ours.seconds), zennit: of(({ zennit }) => zennit.seconds) },
    megabytes: { ours: of(({ ours }) => ours.megabytes), zennit: of(({ zennit }) => zennit.megabytes) },
    timesAsFast: of(({ ours, zennit }) => zennit.seconds / ours.seconds)
  }
}

/** One process: its time, and on Linux with GNU time its peak of memory. */
function timed(command, args) {
  const measure = existsSync('/usr/bin/time') ? ['/usr/bin/time', '-f', '%M'] : []
  const [first, ...rest] = [...measure, command, ...args]
  const begun = performance.now()
  const { status, stderr } = spawnSync(first, rest, { encoding: 'utf8' })
  const seconds = (performance.now() - begun) / 1000
  if (status !== 0) throw new Error(`${command} ${args[0]} failed: ${stderr}`)
  const kilobytes = measure.length > 0 ? Number(stderr.trim().split('\n').at(-1)) : NaN
  return { seconds, megabytes: kilobytes / 1024 }
}

/** Largest differences of maps and logits, as shares of the largest values. */
async function differences() {
  const between = async (name) => {
    const [ours, theirs] = [await readNpy(join(folder, 'ours-arrays', name)), await readNpy(join(folder, name))]
    const largest = (data) => data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    return largest(ours.data.map((value, i) => value - theirs.data[i])) / largest(theirs.data)
  }
  return { relevance: await between('relevance.npy'), logits: await between('logits.npy') }
}

function print(results, difference) {
  for (const { task, seconds, megabytes, timesAsFast } of results) {
    const [ours, zennit] = ['ours', 'zennit'].map(
      (who) => `${seconds[who].toFixed(2)} s, ${megabytes[who].toFixed(0)} MB`
    )
    console.log(`${task.padEnd(10)}lrp-native ${ours}; zennit ${zennit}: ${timesAsFast.toFixed(2)} times as fast`)
  }
  if (!difference) return
  const { relevance, logits } = difference
  console.log(`largest difference: relevance ${relevance.toExponential(1)}, logits ${logits.toExponential(1)}`)
}
