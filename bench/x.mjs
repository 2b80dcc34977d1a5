import { imagesOf } from '../dist/data/dataset.js'
import { openDataset } from '../dist/data/open.js'
import { scoreMaps } from '../dist/evaluate/score-maps.js'
import { explain } from '../dist/explain/explain.js'
import { normaliseBytes } from '../dist/model/preprocessing.js'
import { native } from '../dist/native/addon.js'
import { train } from '../dist/train/train.js'
const threads=Number(process.argv[2]??2)
native().setThreads(threads)
const data = await openDataset({ data: 'mnist', dataPath: '../shared/data/mnist' })
const { model } = await train({ data, model: 'lenet', epochs: 1, threads, experimentsRoot: '/tmp/xexp' })
const { bytes, shape } = imagesOf(data, 'test', 0, 20)
const input = normaliseBytes(bytes, shape, model.preprocessing)
const { relevance, targets } = await explain(model, input, { composite: 'epsilon-plus' })
globalThis.go = async () => scoreMaps(model, input, relevance, targets, {})
const s=[]
import { readFileSync } from 'node:fs'
