import { parseArgs } from 'node:util'
import { spearman } from '../dist/evaluate/statistics/similarity.js'
import { explain } from '../dist/explain/explain.js'
import { Model } from '../dist/model/model.js'
import { native } from '../dist/native/addon.js'
import { median } from './lib/measure.mjs'
import { networks, randomInput } from './lib/networks.mjs'

// `npm run bench:precision`: each rule in a lower precision beside float32, in turn: time, rank correlation of the maps' values
// and their largest difference as a share of the largest value.
//   --network vgg16,resnet50   --precision bf16,tf32   --batch 4   --threads 2   --repeat 3   --device cuda
const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'vgg16,resnet50' },
    precision: { type: 'string', default: 'bf16' },
    batch: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    repeat: { type: 'string', default: '3' },
    device: { type: 'string', default: 'cpu' }
  }
})
const RULES = {
  gradient: { method: 'gradient' },
  epsilon: { rule: 'epsilon' },
  zplus: { rule: 'zplus' },
  gamma: { rule: 'gamma' },
  alpha2beta1: { rule: 'alpha2beta1' },
  'epsilon-plus': { composite: 'epsilon-plus' }
}
const TRANSFORMER_RULES = { attnlrp: { composite: 'attnlrp' }, 'attnlrp-gamma': { composite: 'attnlrp-gamma' } }

native().setThreads(Number(values.threads))
for (const network of values.network.split(',')) {
  const parts = await networks[network]()
  const exact = await Model.create(parts, values.device)
  const images = randomInput([Number(values.batch), ...exact.imageShape])
  const attends = exact.graph.nodes.some(({ op }) => op === 'layer_norm')
  for (const precision of values.precision.split(',')) {
    const model = await Model.create(parts, values.device, precision)
    console.log(`\n${network}, ${precision} over float32, batch ${values.batch}, ${values.device}`)
    for (const [name, how] of Object.entries(attends ? TRANSFORMER_RULES : RULES))
      await compare(name, how, model, exact, images)
    model.dispose()
  }
  exact.dispose()
}

async function compare(name, how, model, exact, images) {
  const run = async (which) => {
    const begun = performance.now()
    const { relevance } = await explain(which, images, { ...how, target: 0, batchSize: images.shape[0] })
    return { map: relevance.data, milliseconds: performance.now() - begun }
  }
  const rounds = []
  for (let i = 0; i <= Number(values.repeat); i++) rounds.push({ own: await run(model), full: await run(exact) })
  const { own, full } = rounds.shift() // the first warms up
  const ratio = median(rounds.map((round) => round.own.milliseconds / round.full.milliseconds))
  const largest = (data) => data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const difference = largest(own.map.map((value, i) => value - full.map[i])) / largest(full.map)
  const correlation = spearman(own.map, full.map)
  console.log(
    `${name.padEnd(16)}time ${ratio.toFixed(2)}   rank correlation ${correlation.toFixed(4)}   largest difference ${difference.toExponential(1)}`
  )
}
