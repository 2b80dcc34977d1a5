import { spawnSync } from 'node:child_process'
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

  const args = [join(import.meta.dirname, script), folder, values.network, String(threads), String(repeat), device]
  const peers = spawnSync(python, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  if (peers.status !== 0) throw new Error('the peers did not run: see above')
  const theirs = JSON.parse(peers.stdout)
  const maps = await readSafetensors(join(folder, 'maps.safetensors'))

  const rows = []
  for (const [name, options] of Object.entries(rules))
    rows.push(await compare(name, options, model, images, theirs, maps))
  const { baseline, versions } = theirs
  const table = { network: values.network, batch, device, threads, baseline, versions, rows }
  if (values.json) console.log(JSON.stringify(table, null, 2))
  else print(table)
  model.dispose()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function compare(name, options, model, images, theirs, maps) {
  const [rounds, times, peaks] = [[], [], []]
  let relevance
  for (let i = 0; i <= repeat; i++) {
    const base = await timed(() => forwardAndGradient(model, images))
    resetPeak()
    const ours = await timed(
      async () => ({ relevance } = await explain(model, images, { ...options, target: 0, batchSize: batch }))
    )
    peaks.push(peakMegabytes())
    if (i === 0) continue // the first round warms up
    rounds.push(ours / base)
    times.push(ours)
  }
  const differences = Object.fromEntries(
    Object.keys(theirs.ratios)
      .filter((peer) => maps.has(`${peer}.${name}`))
      .map((peer) => [peer, difference(relevance, maps.get(`${peer}.${name}`))])
  )
  return {
    name,
    ours: median(rounds),
    milliseconds: {
      ours: median(times),
      ...Object.fromEntries(Object.entries(theirs.milliseconds).map(([peer, found]) => [peer, found[name]]))
    },
    megabytes: {
      ours: median(peaks),
      ...Object.fromEntries(Object.entries(theirs.memory).map(([peer, found]) => [peer, found[name]]))
    },
    peers: Object.fromEntries(Object.entries(theirs.ratios).map(([peer, ratios]) => [peer, ratios[name]])),
    differences
  }
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
  const peers = Object.keys(rows[0].peers)
  const list = (of, digits) => ['ours', ...peers].map((name) => of[name]?.toFixed(digits) ?? '-').join(', ')
  console.log(
    `${Object.entries(versions)
      .map((one) => one.join(' '))
      .join(', ')}; columns: ours, ${peers.join(', ')}`
  )
  console.log('rule            time             largest difference    ms                      peak MB of the process')
  for (const { name, ours, peers: theirs, differences, milliseconds, megabytes } of rows) {
    const apart = peers.map((peer) => differences[peer]?.toExponential(1) ?? '-').join(', ')
    const times = list({ ours, ...theirs }, 2)
    const cells = [name.padEnd(16), times.padEnd(17), apart.padEnd(22), list(milliseconds, 1).padEnd(24)]
    console.log(`${cells.join('')}${list(megabytes, 0)}`)
  }
}
