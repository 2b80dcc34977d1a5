import { parseArgs } from 'node:util'
import { measureRules } from './lib/measure.mjs'
import { networks } from './lib/networks.mjs'

// `npm run bench`: time of each rule over forward + input gradient of the same network by plain autograd, in one process.
//   --network vgg16,resnet50,mobilenet_v2,vit_b_16,convnext_tiny,resnet20,mlp   --batch 1,4   --threads 2   --repeat 7   --json
const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'vgg16' },
    batch: { type: 'string', default: '1,4' },
    threads: { type: 'string', default: '2' },
    repeat: { type: 'string', default: '7' },
    device: { type: 'string', default: 'cpu' },
    json: { type: 'boolean', default: false }
  }
})

const results = []
for (const network of values.network.split(',')) {
  if (!(network in networks))
    throw new Error(`there is no network '${network}': use ${Object.keys(networks).join(', ')}`)
  for (const batch of values.batch.split(',').map(Number)) {
    const settings = {
      network,
      batch,
      threads: Number(values.threads),
      repeat: Number(values.repeat),
      device: values.device
    }
    const result = await measureRules(settings)
    results.push(result)
    if (!values.json) print(result)
  }
}
if (values.json) console.log(JSON.stringify({ results }, null, 2))

function print({ network, batch, threads, baseline, rules }) {
  console.log(
    `\n${network}, batch ${batch}, ${threads} threads: forward + input gradient ${baseline.milliseconds.toFixed(1)} ms, peak ${baseline.peakMegabytes.toFixed(0)} MB`
  )
  console.log(
    `${'rule'.padEnd(28)}${'ratio'.padStart(7)}${'ms'.padStart(10)}${'memory'.padStart(9)}${'target'.padStart(9)}${'difference'.padStart(12)}`
  )
  for (const { name, ratio, milliseconds, memoryRatio, target, difference } of rules) {
    const goal = target === undefined ? '' : `<= ${target}`
    console.log(
      `${name.padEnd(28)}${ratio.toFixed(2).padStart(7)}${milliseconds.toFixed(1).padStart(10)}${memoryRatio.toFixed(2).padStart(9)}${goal.padStart(9)}${(difference?.toExponential(1) ?? '').padStart(12)}`
    )
  }
}
