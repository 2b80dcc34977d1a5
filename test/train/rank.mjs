// One of several processes that train together, for test/train/distributed.test.ts: prints its history and a hash of the
// weights it ends with. Arguments: folder of dist/, options of train as JSON.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [dist, options] = process.argv.slice(2)
const { joinProcessGroup, train } = await import(pathToFileURL(join(dist, 'index.js')).href)
const group = await joinProcessGroup({ peerTimeout: 20 })
const { model, history, experiment, bestEpoch, completed } = await train({ ...JSON.parse(options), group })
const hash = createHash('sha256')
for (const [name, { data }] of [...(await model.stateDict())].sort(([a], [b]) => a.localeCompare(b))) {
  hash.update(name).update(data)
}
const { name } = experiment
console.log(JSON.stringify({ rank: group.rank, weights: hash.digest('hex'), name, history, bestEpoch, completed }))
