import { clearInterval, setInterval } from 'node:timers'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isLrpError } from '../dist/core/errors.js'
import { explain } from '../dist/explain/explain.js'
import { Model } from '../dist/model/model.js'
import { root } from './lib/paths.mjs'
import { Random, randomGraph } from './lib/random-graph.mjs'

// Builds, runs and explains random graphs: each must give finite numbers or be refused by an error of ours, within ten
// seconds of processor time and 2 GiB. Graphs run in processes of their own; a seed that ends one is printed.
//   node scripts/fuzz-graphs.mjs [--graphs 1000] [--first 0] [--sanitized]
// --sanitized: with the addon of scripts/build-sanitized.mjs, on Linux; memory and time have wider limits.
// Every graph is made from its number alone: --graphs 1 --first N repeats one. The exit status is 1 where one failed.
const { values } = parseArgs({
  options: {
    graphs: { type: 'string', default: '1000' },
    first: { type: 'string', default: '0' },
    sanitized: { type: 'boolean', default: false },
    child: { type: 'string' }
  }
})
const [first, last] = [Number(values.first), Number(values.first) + Number(values.graphs)]
const IN_ONE_PROCESS = 500
const MOST_CPU_SECONDS = values.sanitized ? 100 : 10
const MOST_MEGABYTES = values.sanitized ? 8192 : 2048
const RULES = ['auto', 'epsilon', 'gamma', 'alpha2beta1', 'zplus', 'wsquare']

if (values.child === undefined) await parent()
else await child(values.child)

async function parent() {
  const folder = mkdtempSync(join(tmpdir(), 'lrp-fuzz-'))
  const state = join(folder, 'state.json')
  const counts = { explained: 0, computed: 0, refused: 0, failed: 0 }
  const env = values.sanitized ? sanitizedEnvironment() : process.env
  let most = 0
  for (let from = first; from < last;) {
    const to = Math.min(last, from + IN_ONE_PROCESS)
    rmSync(state, { force: true })
    const args = [process.argv[1], '--child', state, '--first', String(from), '--graphs', String(to - from)]
    if (values.sanitized) args.push('--sanitized')
    const ended = await new Promise((resolve) => {
      spawn(process.execPath, args, { stdio: 'inherit', env }).on('close', (code, signal) => resolve(signal ?? code))
    })
    const found = existsSync(state) ? JSON.parse(readFileSync(state, 'utf8')) : { at: from, megabytes: 0 }
    for (const name of Object.keys(counts)) counts[name] += found[name] ?? 0
    most = Math.max(most, found.megabytes)
    if (ended !== 0) {
      counts.failed++
      console.error(`graph ${found.at}: its process ended with ${ended}`)
    }
    from = ended === 0 ? to : found.at + 1
  }
  rmSync(folder, { recursive: true, force: true })
  const { explained, computed, refused, failed } = counts
  console.log(
    `${last - first} graphs: ${explained} explained, ${computed} computed but not explained, ${refused} refused, ` +
      `${failed} failed; at most ${Math.round(most)} MB`
  )
  process.exitCode = failed > 0 ? 1 : 0
}

/** Node.js itself is not instrumented: the sanitizers' libraries are loaded before it. Leaks are not looked for. */
function sanitizedEnvironment() {
  const library = (name) => execFileSync(process.env.CXX ?? 'g++', [`-print-file-name=${name}`], { encoding: 'utf8' })
  return {
    ...process.env,
    LRP_NATIVE_ADDON: join(root, 'build', 'sanitized', 'Release', 'lrp_native.node'),
    LD_PRELOAD: ['libasan.so', 'libubsan.so'].map((name) => library(name).trim()).join(' '),
    ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1:use_sigaltstack=0',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1'
  }
}

async function child(path) {
  const counts = { explained: 0, computed: 0, refused: 0, failed: 0 }
  for (let at = first; at < last; at++) {
    write(path, { ...counts, at })
    const watch = setInterval(() => {
      if (cpuSeconds(before) > MOST_CPU_SECONDS) fail(at, `more than ${MOST_CPU_SECONDS} s of processor time`)
    }, 500)
    const before = process.cpuUsage()
    try {
      counts[await attempt(new Random(at))]++
    } catch (error) {
      counts.failed++
      console.error(`graph ${at}: ${error.stack ?? error}`)
    }
    clearInterval(watch)
    const megabytes = process.memoryUsage().rss / 2 ** 20
    if (megabytes > MOST_MEGABYTES) fail(at, `${Math.round(megabytes)} MB`)
  }
  write(path, { ...counts, at: last })
}

/** What becomes of a graph: `refused`, `computed` (there is no rule for it) or `explained`. */
async function attempt(random) {
  let model
  try {
    model = await Model.create(randomGraph(random), 'cpu')
    const [, ...shape] = model.graph.inputShape
    const data = new Float32Array(2 * shape.reduce((product, axis) => product * axis, 1))
    for (let i = 0; i < data.length; i++) data[i] = (random.below(2001) - 1000) / 500
    const input = { data, shape: [2, ...shape] }
    await model.forward(input)
    try {
      const { relevance } = await explain(model, input, { rule: random.of(RULES), target: 0 })
      if (!relevance.data.every(Number.isFinite)) throw new Error('relevance that is not finite')
      return 'explained'
    } catch (error) {
      check(error)
      return 'computed'
    }
  } catch (error) {
    check(error)
    return 'refused'
  } finally {
    model?.dispose()
  }
}

/** Errors are ours, and one sentence. */
function check(error) {
  if (!isLrpError(error) || error.code === 'NATIVE' || error.message.includes('\n')) throw error
}

function cpuSeconds(before) {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

function write(path, state) {
  writeFileSync(path, JSON.stringify({ ...state, megabytes: process.resourceUsage().maxRSS / 1024 }))
}

function fail(at, why) {
  console.error(`graph ${at}: ${why}`)
  process.exit(3)
}
