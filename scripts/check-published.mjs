import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Model } from '../dist/index.js'
import { readInputs } from '../dist/explain/inputs.js'
import { root } from './lib/paths.mjs'
import { pythonEnvironment } from './lib/python-environment.mjs'

// ResNet-50 and ViT of timm and of Hugging Face at full size: the logits of photos by the libraries' own preprocessing and by ours
// agree to a hundredth of the largest.
//   node scripts/check-published.mjs FOLDER PHOTO ...        two minutes
const [given, ...photos] = process.argv.slice(2)
if (photos.length === 0) throw new Error('name a folder and at least one photo')
const folder = resolve(given)
const PACKAGES = ['torch==2.11.0', 'torchvision==0.26.0', 'timm==1.0.31', 'transformers==5.24.0', 'safetensors==0.8.0']
const python = process.env.PYTHON ?? (await pythonEnvironment('check-published', [...PACKAGES, 'pillow']))
if (!python) throw new Error('there is no Python, or pip cannot fetch timm and transformers')
mkdirSync(folder, { recursive: true })
const script = join(root, 'scripts', 'check-published.py')
const made = spawnSync(python, [script, folder, ...photos.map((photo) => resolve(photo))], { stdio: 'inherit' })
if (made.status !== 0) throw new Error('the networks could not be made')
for (const name of ['timm-resnet50', 'timm-vit_base_patch16_224', 'hf-resnet-50', 'hf-vit-base-patch16-224']) {
  const model = await Model.load(join(folder, name))
  const { input } = await readInputs(model, { input: photos })
  const { data } = await model.forward(input)
  const expected = JSON.parse(readFileSync(join(folder, name, 'logits.json'), 'utf8')).flat()
  const largest = Math.max(...expected.map(Math.abs))
  const difference = Math.max(...expected.map((one, i) => Math.abs(one - data[i]))) / largest
  const apart = Math.max(...expected.slice(0, 1000).map((one, i) => Math.abs(one - expected[1000 + i]))) / largest
  console.log(`${name}: ${difference.toExponential(1)} of the largest logit; the photos differ by ${apart.toFixed(3)}`)
  if (!(difference <= 1e-2)) process.exitCode = 1
  model.dispose()
}
