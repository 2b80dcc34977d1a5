import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { explain, Model } from '../dist/index.js'
import { probabilities } from '../dist/core/logits.js'
import { readNpy } from '../dist/core/npy.js'
import { scoreMaps } from '../dist/evaluate/score-maps.js'
import { withChannelsFirst } from '../dist/model/layout.js'
import { root } from './lib/paths.mjs'
import { pythonEnvironment } from './lib/python-environment.mjs'

// Networks of Keras through tf2onnx: recognised as [batch, height, width, channels], with Keras's outputs, and with the maps and
// metrics of the same network that tf2onnx was told to write with channels in front.
//   node scripts/check-keras.mjs FOLDER [--only small,MobileNetV2]     two minutes for each full-size network
const { values, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: 'string' } } })
const ALL = 'small,grey,MobileNetV2,ResNet50,EfficientNetB0,DenseNet121,Xception,NASNetMobile'
const METRICS = ['region_perturbation.morf.black', 'selectivity.black', 'sparseness', 'complexity']
const folder = resolve(positionals[0] ?? 'keras')
const names = (values.only ?? ALL).split(',')
const python = await pythonEnvironment('check-keras', ['tensorflow-cpu==2.21.0', 'tf2onnx==1.17.0'])
if (!python) throw new Error('there is no Python, or pip cannot fetch TensorFlow and tf2onnx')
mkdirSync(folder, { recursive: true })
const made = spawnSync(python, [join(root, 'scripts', 'check-keras.py'), folder, ...names], {
  stdio: ['ignore', 'inherit', 'ignore']
})
if (made.status !== 0) throw new Error('the export failed')
for (const name of names) {
  const wrong = await check(join(folder, name))
  console.log(name, wrong.length > 0 ? `WRONG: ${wrong.join(', ')}` : 'as Keras, and as its twin')
  if (wrong.length > 0) process.exitCode = 1
}

async function check(path) {
  const wrong = []
  const [x, y] = [await readNpy(join(path, 'x.npy')), await readNpy(join(path, 'y.npy'))]
  const last = await Model.load(join(path, 'nhwc.onnx'))
  const first = await Model.load(join(path, 'nchw.onnx'))
  if (last.layout !== 'nhwc' || first.layout !== 'nchw') wrong.push('layout')
  const logits = await last.forward(x)
  const output = last.removed ? probabilities(logits, last.multilabel) : logits.data
  note('output', output, y.data, 1e-4)
  const turned = withChannelsFirst(x)
  for (const method of ['lrp', 'input-x-gradient', 'grad-cam']) {
    const ours = withChannelsFirst((await explain(last, x, { method, target: 1 })).relevance)
    const theirs = (await explain(first, turned, { method, target: 1 })).relevance
    note(method, ours.data, theirs.data, 1e-3)
  }
  const attribution = (await explain(first, turned, { target: 1 })).relevance
  const how = { target: new Int32Array(x.shape[0]).fill(1), patchSize: Math.ceil(x.shape[1] / 8), metrics: METRICS }
  const found = await scoreMaps(last, { ...how, input: turned, attribution })
  const wanted = await scoreMaps(first, { ...how, input: turned, attribution })
  for (const name of METRICS) note(name, found[name].flat(), wanted[name].flat(), 1e-3)
  return wrong

  function note(what, a, b, tolerance) {
    let [apart, largest] = [0, 1e-12]
    for (let i = 0; i < b.length; i++) {
      const one = Math.abs(a[i] - b[i])
      if (!(one <= apart)) apart = one
      largest = Math.max(largest, Math.abs(b[i]))
    }
    if (a.length !== b.length || !(apart <= tolerance * largest)) wrong.push(`${what} (${apart / largest})`)
  }
}
