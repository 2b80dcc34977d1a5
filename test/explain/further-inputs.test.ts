import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { readNpy, writeNpy } from '../../src/core/npy.js'
import type { StateDict, Tensor } from '../../src/core/tensor.js'
import { sliceBatch } from '../../src/explain/batches.js'
import { evaluate } from '../../src/evaluate/evaluate.js'
import { explain } from '../../src/explain/explain.js'
import type { ExplainSummary } from '../../src/explain/summary.js'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import { Model } from '../../src/model/model.js'
import type { Composite } from '../../src/rules/types.js'
import { cli } from '../cli/run.js'
import { floats, readJson, relativeError } from '../shared.js'

const folder = join(import.meta.dirname, '..', 'model', 'import', 'inputs')
const root = mkdtempSync(join(tmpdir(), 'lrp-further-'))
const ZERO: Composite = {
  name: 'zero',
  layers: [
    { kind: 'weighted', rule: '0' },
    { kind: 'average', rule: 'norm', parameters: { epsilon: 0 } }
  ]
}
const WITHOUT_BIAS: Composite = {
  name: 'without bias',
  layers: [{ kind: 'weighted', rule: 'epsilon', parameters: { ignoreBias: true } }]
}
let values: StateDict
const value = (name: string): Tensor => floats(values.get(name)!)
/** The images with the patients that they are of. */
const batch = (): Tensor => ({ ...value('image'), inputs: { patient: value('patient') } })
const both = { inputName: 'image', explainInputs: 'all' } as const
const sum = ({ data }: Tensor): number => data.reduce((total, one) => total + one, 0)

/** Made by scripts/make-inputs-fixture.py. */
beforeAll(async () => {
  values = await readSafetensors(join(folder, 'lesion.safetensors'))
  for (const name of ['image', 'patient']) await writeNpy(join(root, `${name}.npy`), value(name))
  await writeNpy(join(root, 'two.npy'), sliceBatch(value('patient'), 0, 2))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

describe.each(['lesion.pt2', 'lesion.onnx'])('%s, a network of an image and metadata', (name) => {
  const path = join(folder, name)

  test('gives each image the row that comes with it', async () => {
    using model = await Model.load(path, both)
    for (const batchSize of [1, 2, 3])
      expect(relativeError(await model.forward(batch(), { batchSize }), value('logits'))).toBeLessThan(1e-5)
  })

  test.each([1, 2, 3])(
    'has under LRP-0 the relevance of gradient x input in PyTorch, %d images a pass',
    async (batchSize) => {
      using model = await Model.load(path, { ...both, precision: 'fp64' })
      const found = await explain(model, batch(), { composite: ZERO, batchSize })
      expect([...found.targets]).toEqual(
        Array.from(new BigInt64Array(values.get('target')!.data.slice().buffer), Number)
      )
      expect(relativeError(found.relevance, value('image.product'))).toBeLessThan(1e-6)
      expect(Object.keys(found.inputs)).toEqual(['patient'])
      expect(relativeError(found.inputs.patient!, value('patient.product'))).toBeLessThan(1e-6)
      const products = await explain(model, batch(), { method: 'input-x-gradient', batchSize })
      expect(relativeError(products.inputs.patient!, value('patient.product'))).toBeLessThan(1e-6)
    }
  )

  test('conserves relevance over all inputs together', async () => {
    using model = await Model.load(path, { ...both, precision: 'fp64' })
    const found = await explain(model, batch(), { composite: WITHOUT_BIAS, conservation: true })
    const image = Array.from({ length: 3 }, (_, i) => sum(sliceBatch(found.relevance, i, i + 1)))
    const patient = Array.from({ length: 3 }, (_, i) => sum(sliceBatch(found.inputs.patient!, i, i + 1)))
    for (const [i, total] of found.sums.entries()) {
      expect(total).toBeCloseTo(image[i]! + patient[i]!, 5)
      expect(found.conservationError[i]).toBeLessThan(1e-4)
      expect(Math.abs(patient[i]!)).toBeGreaterThan(1e-3)
    }
  })

  test('has a map of every input for each of several targets', async () => {
    using model = await Model.load(path, both)
    const { relevance, inputs, sums } = await explain(model, batch(), { target: 'all', batchSize: 2 })
    expect([relevance.shape, inputs.patient!.shape]).toEqual([
      [2, 3, 3, 9, 9],
      [2, 3, 3]
    ])
    const single = await explain(model, batch(), { target: 1 })
    expect(Array.from(inputs.patient!.data.slice(9))).toEqual(Array.from(single.inputs.patient!.data))
    single.sums.forEach((one, i) => expect(sums[3 + i]).toBeCloseTo(one, 6))
  })

  test('holds the metadata constant unless it is explained', async () => {
    using held = await Model.load(path, { constants: { patient: value('patient') } })
    using joint = await Model.load(path, both)
    const [alone, whole] = [await explain(held, batch()), await explain(joint, batch())]
    expect(alone.inputs).toEqual({})
    expect(alone.relevance.data).toEqual(whole.relevance.data)
  })

  test.each<[string, () => Tensor, RegExp]>([
    ['no rows', () => value('image'), /input 'patient' has no values: pass a row for each image/],
    [
      'too few rows',
      () => ({ ...batch(), inputs: { patient: sliceBatch(value('patient'), 0, 2) } }),
      /'patient' has the shape \[2, 3\], not \[1 or 3, 3\]/
    ],
    ['an unknown input', () => ({ ...batch(), inputs: { pateint: value('patient') } }), /no input 'pateint'.*patient/],
    [
      'values that are not finite',
      () => ({ ...batch(), inputs: { patient: { data: Float32Array.of(1, NaN, 0), shape: [1, 3] } } }),
      /'patient'.*not finite/
    ]
  ])('%s is refused', async (_, input, message) => {
    using model = await Model.load(path, both)
    await expect(explain(model, input())).rejects.toThrow(message)
    await expect(model.forward(input())).rejects.toThrow(message)
  })

  test('is evaluated with the row that each image has', async () => {
    using model = await Model.load(path, { constants: { patient: value('patient') } })
    using last = await Model.load(path, { constants: { patient: sliceBatch(value('patient'), 2, 3) } })
    const metrics = ['completeness_error', 'max_sensitivity', 'morf_auc']
    const options = { input: [join(root, 'image.npy')], methods: ['epsilon', 'input-x-gradient'], metrics, draws: 1 }
    const [all, alone] = [await evaluate(model, options), await evaluate(last, { ...options, images: [2] })]
    for (const { name, scores } of all.methods) {
      const same = alone.methods.find((method) => method.name === name)!
      for (const metric of ['completeness_error', 'morf_auc'])
        expect(same.scores[metric]!.values[0]).toBeCloseTo(scores[metric]!.values[2]!, 6)
    }
  })

  test('has a file and a panel for every input on the command line', async () => {
    const output = join(root, `${name}-files`)
    const constant = ['--constant', `patient=${join(root, 'patient.npy')}`]
    const flags = ['--input', join(root, 'image.npy'), '--images', '2,0', ...constant, '--explain-inputs', 'all']
    const found = await cli('explain', path, ...flags, '--rule', 'epsilon', '--format', 'npy,svg', '--output', output)
    expect([found.err, found.status]).toEqual([expect.any(String), 0])
    using model = await Model.load(path, both)
    const whole = await explain(model, batch(), { rule: 'epsilon' })
    const relevance = await readNpy(join(output, 'relevance-patient.npy'))
    expect(relevance.shape).toEqual([2, 3])
    const expected = [2, 0].flatMap((i) => [...whole.inputs.patient!.data.slice(3 * i, 3 * i + 3)])
    expected.forEach((one, i) => expect(relevance.data[i]).toBeCloseTo(one, 6))
    const { images } = readJson<ExplainSummary>(join(output, 'explain.json'))
    expect(images[0]!.inputs!.patient![0]).toBeCloseTo(sum({ data: relevance.data.slice(0, 3), shape: [3] }), 5)
    expect(images[0]!.sumOfRelevance[0]).toBeCloseTo(whole.sums[2]!, 5)
    const svg = readFileSync(join(output, '2.svg'), 'utf8')
    expect(svg.match(/<image/g)).toHaveLength(3 + 1) // and the colour bar
  })

  test('keeps its inputs when it is saved', async () => {
    const folder = join(root, `${name}-saved`)
    const convert = await cli(
      'convert',
      path,
      '--input-name',
      'image',
      '--explain-inputs',
      'patient',
      '--output',
      folder
    )
    expect(convert.status).toBe(0)
    using model = await Model.load(folder)
    expect((await explain(model, batch())).inputs.patient!.shape).toEqual([3, 3])
    using given = await Model.load(folder, { constants: { patient: value('patient') } })
    expect(given.parts.rows!.patient!.shape).toEqual([3, 3])
    await expect(Model.load(folder, { explainInputs: ['age'] })).rejects.toThrow(
      /no additional input of .* 'age'.*patient/
    )
  })

  test.each<[string, string[], string]>([
    [
      'rows and another number of images',
      ['--images', '0', '--input'],
      "'patient' has 2 rows, but there are 3 readable images"
    ],
    [
      'rows and a data set',
      ['--data', 'mnist'],
      "'patient' has one row for each image, so pass the images with --input"
    ]
  ])('%s are refused', async (_, flags, message) => {
    const rows = join(root, 'two.npy')
    const input = flags.at(-1) === '--input' ? [join(root, 'image.npy')] : []
    const { status, err } = await cli('explain', path, '--constant', `patient=${rows}`, ...flags, ...input)
    expect([status, err]).toEqual([2, expect.stringContaining(message)])
  })

  test('a method without relevance for several inputs is refused by name', async () => {
    using model = await Model.load(path, both)
    await expect(explain(model, batch(), { method: 'grad-cam' })).rejects.toThrow(
      "grad-cam computes no relevance for the input 'patient': load the model without explainInputs"
    )
  })
})
