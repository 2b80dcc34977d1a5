import { openDataset } from '../dist/data/open.js'
import { native } from '../dist/native/addon.js'
import { train } from '../dist/train/train.js'

// `node train_ours.mjs '{"data": "mnist", "dataPath": "path/to/mnist", "model": "mlp", "epochs": 6, ...}'`, for bench/train.mjs:
// seconds of each epoch after the first, as JSON.
const { data, dataPath, ...settings } = JSON.parse(process.argv[2])
native().setThreads(settings.threads)
const dataset = await openDataset({ data, dataPath, validSplit: 0 })
const { history } = await train({ ...settings, data: dataset, normalise: 'fit', scheduler: 'constant' })
console.log(JSON.stringify(history.slice(1).map(({ seconds }) => seconds)))
