import { describe, expect, test } from '@jest/globals'
import type { AttributeValue } from '../../src/core/graph.js'
import { sizeOf, type RawTensor, type Tensor } from '../../src/core/tensor.js'
import { Model } from '../../src/model/model.js'
import { native, type RuleParameters } from '../../src/native/addon.js'
import { explainLayer } from '../layer.js'
import { node, weight } from '../models.js'
import { values } from '../shared.js'
import { ATEN_CASES, callOf, forward as forwardOfCall, type Call } from './aten-cases.js'
import { shapesOf } from './op-shapes.js'

/** One op as it stands in a network, with tensors of random numbers. */
interface Sample {
  op: string
  inputs: RawTensor[]
  attributes: Record<string, AttributeValue>
  parameters: Record<string, RawTensor>
  /** Some of what it adds up is no part of the image: that counts as a bias. */
  hasConstants?: boolean
  forward(inputs: RawTensor[]): Promise<Tensor>
}

let seed = 1
/** Between -2 and 2, the same in every run. */
function random(shape: number[]): RawTensor {
  const next = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647
  return weight(
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 4 * next() - 2)
  )
}

const map = (tensor: RawTensor, f: (value: number, i: number) => number): RawTensor =>
  tensor.dtype === 'f32' ? weight(tensor.shape, Array.from(values(tensor), f)) : tensor

function ours(op: string): Sample {
  const [shapes, attributes = {}, roles = {}] = shapesOf(op)
  const parameters = Object.fromEntries(
    Object.entries(roles).map(([role, shape]) => [
      role,
      map(random(shape), role === 'running_var' ? (x) => Math.abs(x) + 0.1 : (x) => x)
    ])
  )
  const inputs = shapes.map(random)
  return {
    op,
    attributes,
    parameters,
    inputs,
    async forward(given) {
      const constants = given.map((_, i) => `value ${i}`)
      const tensors = new Map([
        ...Object.entries(parameters),
        ...given.map((tensor, i): [string, RawTensor] => [constants[i]!, tensor])
      ])
      const roleNames = Object.fromEntries(Object.keys(parameters).map((role) => [role, role]))
      using model = await Model.create({
        name: op,
        graph: {
          inputShape: [null, 1],
          nodes: [
            ...constants.map((name) => node(name, 'constant', [], {}, { value: name })),
            node('op', op, constants, attributes, roleNames),
            node('after', 'mul_scalar', ['op'], { value: 1 }) // a softmax at the end would be left out
          ],
          output: 'after'
        },
        tensors
      })
      return model.forward({ data: new Float32Array(1), shape: [1, 1] })
    }
  }
}

/** Calls that autograd differentiates; others cannot depend on the image. */
function atens(): Sample[] {
  return ATEN_CASES.filter(({ gradient }) => gradient !== undefined).flatMap((one) => {
    const call = callOf(one)
    const record = native().opRecord(call.op)
    const { tensors } = call
    const first = tensors.findIndex(([, { dtype }]) => dtype === 'f32')
    const onlyFirst = sampleOf(call, ([, { dtype }], i) => dtype !== 'f32' || i === first)
    if (!['sum', 'product', 'attention', 'move', 'average'].includes(record.kind)) return [onlyFirst]
    // of weighted sums the weights may depend on the image too
    const isWeighted = record.factors.length + record.held.length > 0
    return [sampleOf(call, () => true), ...(isWeighted ? [{ ...onlyFirst, hasConstants: true }] : [])]
  })
}

/** A call with some of its tensors as inputs, the others as parameters. */
function sampleOf({ op, tensors, attributes }: Call, isInput: (tensor: Call['tensors'][number], i: number) => boolean) {
  const read = tensors.filter(isInput)
  const names = read.map(([name]) => name)
  return {
    op,
    attributes: { ...attributes, arguments: names },
    parameters: Object.fromEntries(tensors.filter(([name]) => !names.includes(name))),
    inputs: read.map(([, tensor]) => tensor),
    forward: (given: RawTensor[]) =>
      forwardOfCall({
        op,
        attributes,
        tensors: tensors.map(([name, tensor]) => [name, given[names.indexOf(name)] ?? tensor])
      })
  }
}

const samples = (): Sample[] => [...native().ops().map(ours), ...atens()]

/** Sums of relevance at the inputs, and of its magnitude. */
async function propagated(sample: Sample, rule: string, relevance: RawTensor): Promise<{ sum: number; size: number }> {
  const { op, attributes, parameters, inputs } = sample
  const epsilon: RuleParameters = ['gradient', 'pass', 'uniform'].includes(rule) ? {} : { epsilon: 1e-9 }
  let [sum, size] = [0, 0]
  for (const input of inputs.keys()) {
    if (inputs[input]!.dtype !== 'f32' || (rule === 'pass' && input > 0)) continue
    const call = { op, attributes, parameters, inputs, relevance, rule, ruleParameters: epsilon, input }
    for (const value of Array.from(values(await explainLayer(call)))) {
      sum += value
      size += Math.abs(value)
    }
  }
  return { sum, size }
}

/** The rule that the claim about conservation is for: the op's own, or the published one for its kind. */
const ruleFor = ({ kind, rule }: { kind: string; rule: string }): string =>
  rule !== '' ? rule : kind === 'attention' ? 'attention' : 'epsilon'

describe('the record of every op says what the op does', () => {
  test('signs: non-negative outputs, of any input or of non-negative ones', async () => {
    const wrong: string[] = []
    for (const sample of samples()) {
      const { sign } = native().opRecord(sample.op)
      if (sign === 'any') continue
      const inputs = sign === 'keeps' ? sample.inputs.map((one) => map(one, Math.abs)) : sample.inputs
      const { data } = await sample.forward(inputs)
      if (!data.every((value) => value >= 0)) wrong.push(`${sample.op} ${JSON.stringify(sample.attributes)}`)
    }
    expect(wrong).toEqual([])
  })

  test('moved values: every number of the output is one of the inputs or a constant that fills', async () => {
    const wrong: string[] = []
    for (const sample of samples()) {
      const { movesValues, conserves } = native().opRecord(sample.op)
      if (!movesValues) continue
      const fills = [0, ...Object.values(sample.attributes).filter((value) => typeof value === 'number')]
      const held = Object.values(sample.parameters).flatMap((one) => Array.from(values(one)))
      const moved = [...sample.inputs.flatMap((one) => Array.from(values(one))), ...held]
      const known = new Set(conserves === 'exact' ? moved : [...moved, ...fills.map(Math.fround)])
      const { data } = await sample.forward(sample.inputs)
      if (!data.every((value) => known.has(value))) wrong.push(`${sample.op} ${JSON.stringify(sample.attributes)}`)
    }
    expect(wrong).toEqual([])
  })

  test('order: the same values in the same order', async () => {
    const checked: string[] = []
    for (const sample of samples().filter(({ op }) => native().opRecord(op).reach === 'order')) {
      const { data } = await sample.forward(sample.inputs)
      expect([sample.op, Array.from(data)]).toEqual([sample.op, Array.from(values(sample.inputs[0]!))])
      checked.push(sample.op)
    }
    expect(checked).toEqual(expect.arrayContaining(['reshape', 'flatten', 'squeeze', 'unsqueeze']))
  })

  test('place: a number that changes changes the output at its own place alone; every activation is such', async () => {
    const wrong: string[] = []
    for (const sample of samples()) {
      const { reach, kind } = native().opRecord(sample.op)
      const first = sample.inputs.findIndex(({ dtype }) => dtype === 'f32')
      if (reach !== 'place' || first < 0) {
        if (kind === 'activation') wrong.push(`${sample.op} reaches ${reach}`)
        continue
      }
      const input = sample.inputs[first]!
      const before = await sample.forward(sample.inputs)
      if (sizeOf(input.shape) !== before.data.length) continue // it broadcasts
      const changed = map(input, (x, i) => (i === 1 ? x + 0.01 : x))
      const after = await sample.forward(sample.inputs.with(first, changed))
      const elsewhere = before.data.findIndex((value, i) => i !== 1 && value !== after.data[i])
      if (elsewhere >= 0) wrong.push(`${sample.op}: place ${elsewhere} changes too`)
    }
    expect(wrong).toEqual([])
  })

  test('cuts: 0 where the input is not above 0; a ReLU is the input elsewhere', async () => {
    for (const sample of samples()) {
      const { cut } = native().opRecord(sample.op)
      if (cut === 'nowhere') continue
      const { data } = await sample.forward(sample.inputs)
      const x = values(sample.inputs[0]!)
      expect([sample.op, data.every((y, i) => x[i]! > 0 || y === 0)]).toEqual([sample.op, true])
      if (cut === 'relu') expect(Array.from(data)).toEqual(Array.from(x, (value) => Math.max(value, 0)))
    }
  })

  test('homogeneous: f(3 x) = 3 f(x); what makes no such claim is no simple scaling', async () => {
    const claims = samples().filter(({ op }) => native().opRecord(op).homogeneous)
    for (const sample of claims) {
      const [first, ...others] = sample.inputs
      const { data } = await sample.forward(sample.inputs)
      const scaled = await sample.forward([map(first!, (x) => 3 * x), ...others])
      const apart = Math.max(...data.map((y, i) => Math.abs(scaled.data[i]! - 3 * y)))
      expect([sample.op, apart < 1e-5]).toEqual([sample.op, true])
    }
    expect(claims.map(({ op }) => op)).toEqual(expect.arrayContaining(['relu', 'leaky_relu', 'mul_scalar']))
  })

  test('gates: numbers from 0 to 1', async () => {
    for (const sample of samples().filter(({ op }) => native().opRecord(op).gates)) {
      const { data } = await sample.forward(sample.inputs)
      expect([sample.op, data.every((value) => value >= 0 && value <= 1)]).toEqual([sample.op, true])
    }
  })

  test('held: no relevance passes to what weighs, places or divides the others', async () => {
    const checked = new Set<string>()
    for (const { op, attributes, parameters, inputs, forward } of atens()) {
      const { held, rule } = native().opRecord(op)
      for (const [input, name] of (attributes.arguments as string[]).entries()) {
        if (!held.includes(name)) continue
        const relevance = random((await forward(inputs)).shape)
        const call = { op, attributes, parameters, inputs, relevance, rule, ruleParameters: {}, input }
        expect([op, name, Array.from(values(await explainLayer(call))).every((value) => value === 0)]).toEqual([
          op,
          name,
          true
        ])
        checked.add(op)
      }
    }
    expect([...checked]).toEqual(expect.arrayContaining(['aten::lerp.Tensor', 'aten::addcdiv', 'aten::grid_sampler']))
  })

  test('factors share their product alike, whatever their values', async () => {
    const wrong: string[] = []
    const checked = new Set<string>()
    for (const { op, attributes, parameters, inputs, forward } of atens()) {
      const { factors, rule } = native().opRecord(op)
      const names = attributes.arguments as string[]
      const places = names.flatMap((name, i) => (factors.includes(name) ? [i] : []))
      if (places.length < 2) continue
      checked.add(op)
      const relevance = random((await forward(inputs)).shape)
      const sums = await Promise.all(
        places.map(async (input) => {
          const call = { op, attributes, parameters, inputs, relevance, rule, ruleParameters: { epsilon: 1e-9 }, input }
          return Array.from(values(await explainLayer(call))).reduce((sum, value) => sum + value, 0)
        })
      )
      if (sums.some((sum) => Math.abs(sum - sums[0]!) > 1e-3 * Math.max(1, Math.abs(sum))))
        wrong.push(`${op} ${sums.join()}`)
    }
    expect(wrong).toEqual([])
    expect([...checked]).toEqual(expect.arrayContaining(['aten::addcmul', 'aten::addmm', 'aten::conv2d']))
  })

  test('conservation: exact, or but for what does not come from the inputs', async () => {
    const wrong: string[] = []
    let checked = 0
    for (const sample of samples()) {
      const record = native().opRecord(sample.op)
      if (record.conserves === 'no' || sample.inputs.every(({ dtype }) => dtype !== 'f32')) continue
      const rule = ruleFor(record)
      const inputs = rule === 'attention' ? sample.inputs : sample.inputs.map((one) => map(one, (x) => x + 0.01))
      const output = await sample.forward(inputs)
      const relevance = random(output.shape)
      const R = Array.from(values(relevance))
      const isExact = record.conserves === 'exact' && !sample.hasConstants
      const shares = isExact ? R.map(() => 1) : await sharesFromInputs(sample, rule, inputs, output)
      const expected = R.map((value, i) => shares[i]! * value)
      const { sum, size } = await propagated({ ...sample, inputs }, rule, relevance)
      const wanted = expected.reduce((total, value) => total + value, 0)
      checked++
      if (!(Math.abs(sum - wanted) <= 2e-4 * Math.max(size, 1)))
        wrong.push(`${sample.op} ${JSON.stringify(sample.attributes)} ${rule}: ${sum} instead of ${wanted}`)
    }
    expect(wrong).toEqual([])
    expect(checked).toBeGreaterThan(300)
  })
})

/** The share of each number of the output that comes from the inputs; the rest is a bias, or fills. */
async function sharesFromInputs(
  sample: Sample,
  rule: string,
  inputs: RawTensor[],
  { data }: Tensor
): Promise<number[]> {
  const at = async (f: (value: number) => number): Promise<Tensor['data']> =>
    (await sample.forward(inputs.map((one) => map(one, f)))).data
  // moved values move with the inputs; a linear map is what is left without its value at zero
  const other = rule === 'gradient' ? await at((x) => x + 1) : await at(() => 0)
  return Array.from(data, (value, i) => (rule === 'gradient' ? other[i]! - value : (value - other[i]!) / value))
}
