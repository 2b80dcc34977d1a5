import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeNpy } from '../dist/core/npy.js'
import { explain } from '../dist/explain/explain.js'
import { readSafetensors, writeSafetensors } from '../dist/model/import/safetensors.js'
import { Model } from '../dist/model/model.js'
import { native } from '../dist/native/addon.js'
import { pythonEnvironment } from '../scripts/lib/python-environment.mjs'
import { forwardAndGradient, median, peakMegabytes, resetPeak } from './lib/measure.mjs'
import { networks, randomInput } from './lib/networks.mjs'
import { startPeer } from './lib/peer-process.mjs'

// `npm run bench:peers`: zennit and captum, or LXT for `--network vit_b_16`, pinned, in a virtual environment of the bench's own (or
// those of --python), on the same weights and input; each of their rules and ours in turn, and the largest difference of the maps.
const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'vgg16' },
    batch: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    repeat: { type: 'string', default: '5' },
    device: { type: 'string', default: 'cpu' },
    python: { type: 'string' },
    json: { type: 'boolean', default: false }
  }
})
const TORCH = ['torch==2.11.0', 'torchvision==0.26.0', 'safetensors', 'numpy']
const CONVOLUTIONAL = {
  script: 'peers.py',
  packages: [...TORCH, 'zennit==0.5.1', 'captum==0.9.0'],
  rules: {
    epsilon: { rule: 'epsilon' },
    zplus: { rule: 'zplus' },
    alpha2beta1: { rule: 'alpha2beta1' },
    gamma: { rule: 'gamma' },
    'epsilon-plus': { composite: 'epsilon-plus' }
  }
}
const TRANSFORMER = {
  script: 'peers_lxt.py',
  packages: [...TORCH, 'lxt==2.1', 'transformers==4.57.1'],
  rules: { attnlrp: { composite: 'attnlrp' }, 'attnlrp-cp': { composite: 'attnlrp-cp' } }
}

const { script, packages, rules } = values.network.startsWith('vit') ? TRANSFORMER : CONVOLUTIONAL
const python = values.python ?? (await pythonEnvironment(`bench-${script.slice(0, -3)}`, packages))
if (!python) throw new Error(`there is no Python, or pip cannot fetch ${packages.join(' ')}`)
const [batch, threads, repeat] = [values.batch, values.threads, values.repeat].map(Number)
const { device } = values
const folder = mkdtempSync(join(tmpdir(), 'lrp-peers-'))
try {
  native().setThreads(threads)
  const parts = await networks[values.network]()
  await writeSafetensors(join(folder, 'weights.safetensors'), parts.tensors)
  const model = await Model.create(parts, device)
  const images = randomInput([batch, ...model.imageShape])
  await writeNpy(join(folder, 'input.npy'), images)

  const args = [join(import.meta.dirname, script), folder, values.network, String(threads), device]
  const peers = await startPeer(python, args)
  const rows = []
  for (const [name, options] of Object.entries(rules)) rows.push(await compare(name, options, model, images, peers))
  await peers.stop()
  const maps = await readSafetensors(join(folder, 'maps.safetensors'))
  for (const row of rows) row.differences = differences(row, maps)
  const table = { network: values.network, batch, device, threads, versions: peers.ready.versions, rows }
  if (values.json) console.log(JSON.stringify(table, (key, value) => (key === 'relevance' ? undefined : value), 2))
  else print(table)
  model.dispose()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Medians over rounds in which each tool explains in turn. The first round warms up. */
async function compare(name, options, model, images, peers) {
  const found = { ours: [] }
  let relevance
  for (let round = 0; round <= repeat; round++) {
    const base = await timed(() => forwardAndGradient(model, images))
    resetPeak()
    const milliseconds = await timed(
      async () => ({ relevance } = await explain(model, images, { ...options, target: 0, batchSize: batch }))
    )
    const ours = { ratio: milliseconds / base, milliseconds, megabytes: peakMegabytes() }
    const all = { ours, ...(await measurePeers(peers, name)) }
    if (round > 0) for (const [who, numbers] of Object.entries(all)) (found[who] ??= []).push(numbers)
  }
  const medians = (key) =>
    Object.fromEntries(Object.entries(found).map(([who, rounds]) => [who, median(rounds.map((one) => one[key]))]))
  return {
    name,
    ratios: medians('ratio'),
    milliseconds: medians('milliseconds'),
    megabytes: medians('megabytes'),
    relevance
  }
}

/** One measurement of each peer that has the rule. */
async function measurePeers(peers, rule) {
  const answers = {}
  for (const [peer, has] of Object.entries(peers.ready.rules)) {
    if (!has.includes(rule)) continue
    const { error, ...numbers } = await peers.run(`${peer} ${rule}`)
    if (error) console.error(`${peer}, ${rule}: ${error}`)
    else answers[peer] = numbers
  }
  return answers
}

/** Of our map and each peer's: the largest difference. */
function differences({ name, relevance, ratios }, maps) {
  const peers = Object.keys(ratios).filter((who) => who !== 'ours')
  return Object.fromEntries(peers.map((peer) => [peer, difference(relevance, maps.get(`${peer}.${name}`))]))
}

async function timed(run) {
  const begun = performance.now()
  await run()
  return performance.now() - begun
}

function difference(ours, theirs) {
  const expected = new Float32Array(theirs.data.buffer, theirs.data.byteOffset, theirs.data.byteLength / 4)
  let [worst, largest] = [0, 0]
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(ours.data[i] - expected[i]))
    largest = Math.max(largest, Math.abs(expected[i]))
  }
  return worst / largest
}

function print({ network, batch, device, threads, versions, rows }) {
  const where = `${device}, ${threads} threads`
  console.log(`${network}, batch ${batch}, ${where}; time over forward + input gradient in the same process`)
  const tools = [...new Set(rows.flatMap(({ ratios }) => Object.keys(ratios)))]
  const list = (of, format) => tools.map((name) => (of[name] === undefined ? '-' : format(of[name]))).join(', ')
  const named = Object.entries(versions).map((one) => one.join(' '))
  console.log(`${named.join(', ')}; columns: ${tools.join(', ')}`)
  console.log(
    'rule            time                largest difference      ms                        peak MB of the process'
  )
  for (const { name, ratios, differences, milliseconds, megabytes } of rows) {
    const cells = [
      name.padEnd(16),
      list(ratios, (ratio) => ratio.toFixed(2)).padEnd(20),
      list(differences, (worst) => worst.toExponential(1)).padEnd(24),
      list(milliseconds, (ms) => ms.toFixed(1)).padEnd(26)
    ]
    console.log(`${cells.join('')}${list(megabytes, (size) => size.toFixed(0))}`)
  }
}
