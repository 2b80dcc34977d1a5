import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { explain, Model } from '../dist/index.js'
import { readSafetensors } from '../dist/model/import/safetensors.js'
import { root } from './lib/paths.mjs'
import { pythonEnvironment } from './lib/python-environment.mjs'

// torchvision's fcn_resnet50, deeplabv3_mobilenet_v3_large and lraspp_mobilenet_v3_large with random weights, and a U-Net: the
// relevance of the predicted region equals zennit's in float64 to 1e-6 of the largest, and in float32 in the median to 1e-3.
//   node scripts/check-dense.mjs FOLDER        ten minutes; networks that the folder already contains are not made again
const folder = resolve(process.argv[2] ?? '')
if (!process.argv[2]) throw new Error('name a folder')
const NETWORKS = ['fcn_resnet50', 'deeplabv3_mobilenet', 'lraspp', 'unet']
if (!NETWORKS.every((name) => existsSync(join(folder, `${name}.safetensors`)))) {
  const PACKAGES = ['torch==2.11.0', 'torchvision==0.26.0', 'zennit==1.0.0', 'safetensors==0.8.0']
  const python = process.env.PYTHON ?? (await pythonEnvironment('check-dense', PACKAGES))
  if (!python) throw new Error('there is no Python, or pip cannot fetch torchvision and zennit')
  const script = join(root, 'scripts', 'make-dense-fixture.py')
  const made = spawnSync(python, [script, folder, 'full'], { stdio: 'inherit' })
  if (made.status !== 0) throw new Error('the networks could not be made')
}

const floats = ({ data, shape }) => ({ data: new Float32Array(data.slice().buffer), shape })

function errors(found, wanted) {
  let [largest, most, sum] = [0, 0, 0]
  const apart = wanted.map((value, i) => Math.abs(found[i] - value))
  for (const [i, value] of wanted.entries()) {
    largest = Math.max(largest, apart[i])
    most = Math.max(most, Math.abs(value))
    sum += Math.abs(value)
  }
  return { largest: largest / most, median: apart.sort()[apart.length >> 1] / (sum / wanted.length) }
}

async function compare(name, fixture, precision) {
  const model = await Model.load(join(folder, `${name}.pt2`), { device: 'cpu', precision })
  for (const composite of ['epsilon-plus', 'epsilon-alpha2beta1']) {
    const found = await explain(model, floats(fixture.get('input')), { composite, conservation: true })
    const { largest, median } = errors(found.relevance.data, floats(fixture.get(composite)).data)
    const unexplained = Math.max(...found.unexplained)
    const text = `largest ${largest.toExponential(1)}, median ${median.toExponential(1)}, unexplained ${unexplained.toExponential(1)}`
    console.log(`${name} ${precision} ${composite}: ${text}`)
    if (!(precision === 'fp64' ? largest <= 1e-6 : median <= 1e-3)) process.exitCode = 1
  }
  model[Symbol.dispose]()
}

for (const name of NETWORKS) {
  const fixture = await readSafetensors(join(folder, `${name}.safetensors`))
  for (const precision of ['fp64', 'fp32']) await compare(name, fixture, precision)
}
