import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { readNpy, writeNpy } from '../../../src/core/npy.js'
import { exportModel } from '../../../src/model/export/index.js'
import { readSafetensors } from '../../../src/model/import/safetensors.js'
import { Model } from '../../../src/model/model.js'
import { packageRoot } from '../../../src/core/paths.js'
import type { Tensor } from '../../../src/core/tensor.js'
import { floats, relativeError } from '../../shared.js'

const folder = mkdtempSync(join(tmpdir(), 'lrp-export-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const fixtures = join(__dirname, '..', 'import', 'fixtures')
const names = readdirSync(fixtures)
  .filter((file) => file.endsWith('.pt2') && file.split('.').length === 2)
  .map((file) => file.slice(0, -'.pt2'.length))

/** A Python with onnxruntime, made on first use; undefined where pip cannot fetch it. */
function pythonWithOnnxruntime(): string | undefined {
  const packages = ['onnxruntime==1.31.1', 'numpy==2.4.6']
  const script = `import { pythonEnvironment } from './scripts/lib/python-environment.mjs'
    console.log((await pythonEnvironment('onnxruntime', ${JSON.stringify(packages)})) ?? '')`
  const made = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: packageRoot,
    encoding: 'utf8'
  })
  return made.stdout.trim() || undefined
}

async function inputOf(name: string): Promise<Tensor> {
  return floats((await readSafetensors(join(fixtures, `${name}.safetensors`))).get('input')!)
}

describe('models that go out', () => {
  test.each(names)('%s as ONNX comes back the same', async (name) => {
    const path = join(folder, `${name}.onnx`)
    using model = await Model.load(join(fixtures, `${name}.pt2`))
    await exportModel(model, path)
    using back = await Model.load(path)
    const input = await inputOf(name)
    expect(relativeError(await back.forward(input), await model.forward(input))).toBeLessThan(1e-6)
  })

  test('further inputs are inputs of the ONNX file, with rows for each image', async () => {
    const inputs = join(__dirname, '..', 'import', 'inputs')
    const values = await readSafetensors(join(inputs, 'lesion.safetensors'))
    const [image, patient] = [floats(values.get('image')!), floats(values.get('patient')!)]
    const path = join(mkdtempSync(join(folder, 'several-')), 'lesion.onnx')
    using model = await Model.load(join(inputs, 'lesion.pt2'), { inputName: 'image', constants: { patient } })
    await exportModel(model, path)
    using back = await Model.load(path, { inputName: 'input', constants: { patient } })
    const logits = await back.forward({ ...image, inputs: { patient } })
    expect(relativeError(logits, floats(values.get('logits')!))).toBeLessThan(1e-5)
    const turned = { ...patient, data: patient.data.map((value) => -value) }
    expect(relativeError(await back.forward({ ...image, inputs: { patient: turned } }), logits)).toBeGreaterThan(0.01)
  })

  const python = pythonWithOnnxruntime()
  const run = python ? test : test.skip
  run(`onnxruntime computes the same${python ? '' : ' (pip cannot fetch onnxruntime)'}`, async () => {
    for (const name of names) {
      using model = await Model.load(join(fixtures, `${name}.pt2`))
      await exportModel(model, join(folder, `${name}.onnx`))
      await writeNpy(join(folder, `${name}.input.npy`), await inputOf(name))
    }
    const ran = spawnSync(python!, [join(__dirname, 'run_onnx.py'), folder], { encoding: 'utf8' })
    expect(ran.stderr.split('\n').filter((line) => line.includes('Error'))).toEqual([])
    for (const name of names) {
      using model = await Model.load(join(fixtures, `${name}.pt2`))
      const output = await readNpy(join(folder, `${name}.output.npy`))
      const wanted = await model.forward(await inputOf(name))
      expect(output.shape).toEqual(wanted.shape)
      expect([name, relativeError(output as Tensor, wanted) < 1e-5]).toEqual([name, true])
    }
  })

  test('as safetensors the weights keep their names', async () => {
    const path = join(folder, 'weights.safetensors')
    using model = await Model.load(join(fixtures, 'conv1d.pt2'))
    await exportModel(model, path)
    const weights = await readSafetensors(path)
    expect([...weights.keys()].sort()).toContain('0.weight')
    expect(weights.get('0.weight')!.shape).toEqual([6, 2, 3])
    expect(weights.get('0.weight')!.data).toEqual((await model.stateDict()).get('0.weight')!.data)
  })

  test('an unknown format is refused, naming those there are', async () => {
    using model = await Model.load(join(fixtures, 'sums.pt2'))
    await expect(exportModel(model, join(folder, 'model.h5'))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/'h5'.*safetensors, onnx/)
    })
  })
})
