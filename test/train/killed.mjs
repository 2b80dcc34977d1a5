// A training run in a process of its own, for test/train/kill.test.ts: prints a line per report, so that it can be killed
// after any of them. Arguments: folder of dist/, experiments root, name, the word resume or not.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [dist, root, name, how] = process.argv.slice(2)
const { train } = await import(pathToFileURL(join(dist, 'index.js')).href)
const options = {
  experimentsRoot: root,
  epochs: 24,
  hiddenSize: [64, 32],
  batchSize: 16,
  checkpointSeconds: 0,
  onProgress: () => console.log('.')
}
const result = await train(how === 'resume' ? { ...options, resume: name } : { ...options, experimentName: name })
console.log(`${result.reason} ${result.bestEpoch}`)
