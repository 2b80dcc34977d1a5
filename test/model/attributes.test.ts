import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import type { AttributeValue } from '../../src/core/graph.js'
import { packageRoot } from '../../src/core/paths.js'
import { explain } from '../../src/explain/explain.js'
import { Model } from '../../src/model/model.js'
import { native } from '../../src/native/addon.js'
import { node, weight } from '../models.js'
import { shapesOf } from './op-shapes.js'

type Given = Record<string, AttributeValue>

/** The shape that one op gives with these attributes next to those it needs. */
function shapeWith(op: string, given: Given, parameterShapes?: Record<string, number[]>): number[] {
  const [inputs, attributes = {}, own = {}] = shapesOf(op)
  const parameters = parameterShapes ?? own
  const roles = Object.fromEntries(Object.keys(parameters).map((role) => [role, role]))
  const names = inputs.map((_, i) => `x${i}`)
  return native().outputShape(node('a', op, names, { ...attributes, ...given }, roles), inputs, parameters)
}

const ops = native().ops()
const known = ops.flatMap((op) =>
  native()
    .opRecord(op)
    .attributes.map((name): [string, string] => [op, name])
)

describe('nothing that a node says is ignored', () => {
  test.each(ops)('an attribute that %s does not know is refused', (op) => {
    expect(() => shapeWith(op, {})).not.toThrow()
    expect(() => shapeWith(op, { strides: 2 })).toThrow(`node 'a' (${op}): attribute 'strides' is unknown: ${op} has `)
  })

  test.each(known)('%s reads its attribute %s', (op, name) => {
    const { [name]: _, ...needed } = shapesOf(op)[1] ?? {}
    const other = name === 'scale_factor' ? { size: undefined } : {}
    expect(() => shapeWith(op, { ...needed, ...other, [name]: ['nonsense'] } as Given)).toThrow(
      new RegExp(`node 'a' \\(${op}\\): attribute '${name}' must be`)
    )
  })

  test.each<[string, Given, string]>([
    ['conv2d', { kernel_size: [5, 3] }, "attribute 'kernel_size' is [5, 3], but the weight has the shape [6, 2, 3, 3]"],
    ['conv_transpose1d', { kernel_size: 3 }, "attribute 'kernel_size' is [3], but the weight has the shape [4, 3, 2]"],
    ['conv1d', { output_padding: 1 }, "attribute 'output_padding' must be 0"],
    ['dropout', { training: true }, "attribute 'training' must be false"],
    ['softplus', { beta: -1 }, 'beta of softplus must be above 0'],
    ['other_input', { shape: [4] }, "attribute 'shape' is [4], but the value has the shape [1, 3]"],
    ['interpolate', { scale_factor: 2 }, "the node has both attributes 'size' and 'scale_factor'"],
    ['interpolate', { mode: 'nearest', align_corners: true }, "attribute 'align_corners' must be false"]
  ])('%s %j is refused', (op, given, message) => {
    expect(() => shapeWith(op, given)).toThrow(message)
  })

  test.each<[string, Given]>([
    ['conv2d', { kernel_size: 3 }],
    ['conv2d', { kernel_size: [3, 3], output_padding: [0, 0] }],
    ['conv_transpose3d', { kernel_size: [2, 2, 2] }],
    ['dropout', { training: false }],
    ['other_input', { shape: [3], required: true, explained: true }]
  ])('%s %j says the same twice', (op, given) => {
    expect(shapeWith(op, given)).toEqual(shapeWith(op, {}))
  })
})

describe('nothing that a call of an aten overload says is ignored', () => {
  const shape = [2, 3]
  const call =
    (op: string, attributes: Given, parameters: Record<string, number[]> = {}, inputs = 1): (() => unknown) =>
    () =>
      native().outputShape(
        node(
          'a',
          op,
          Array.from({ length: inputs }, (_, i) => `x${i}`),
          attributes,
          Object.fromEntries(Object.keys(parameters).map((role) => [role, role]))
        ),
        Array.from({ length: inputs }, () => shape),
        parameters
      )

  test.each<[string, Given, Record<string, number[]>, number, string]>([
    ['aten::sum.dim_IntList', { dims: [1] }, {}, 1, "has no argument 'dims'"],
    ['aten::linear', { bias: 2 }, { weight: [4, 3] }, 1, "'bias' is a tensor, so it cannot be an attribute"],
    ['aten::sum.dim_IntList', { dim: [1] }, { keepdim: [1] }, 1, "the argument 'keepdim' is not a tensor"],
    ['aten::cat', { dim: 1 }, { tensors: [2, 3] }, 1, "'tensors' is a list, so it cannot be a parameter"],
    [
      'aten::sum.dim_IntList',
      { dim: [1], arguments: ['self', 'keepdim'] },
      {},
      2,
      "the argument 'keepdim' is not a tensor"
    ],
    ['aten::relu', { arguments: ['self', 'self'] }, {}, 2, "the argument 'self' is given more than once"],
    ['aten::relu', { arguments: ['self'] }, { self: [2, 3] }, 1, "the argument 'self' is given more than once"],
    [
      'aten::full',
      { size: [2], fill_value: 1, device: 'cpu' },
      {},
      0,
      "a graph cannot pass the argument 'device': the model sets it"
    ]
  ])('%s %j %j', (op, attributes, parameters, inputs, message) => {
    expect(call(op, attributes, parameters, inputs)).toThrow(message)
  })
})

test('parallel convolutions that say their kernel size still merge into one', async () => {
  const nodes = [
    node('small', 'conv2d', ['input'], { kernel_size: 1 }, { weight: 'v' }),
    node('large', 'conv2d', ['input'], { kernel_size: [3, 3], padding: 1 }, { weight: 'w' }),
    node('sum', 'add', ['small', 'large']),
    node('flat', 'flatten', ['sum'])
  ]
  const tensors = new Map([
    ['v', weight([1, 1, 1, 1], [2])],
    ['w', weight([1, 1, 3, 3], [0, 0, 0, 0, 1, 3, 0, 0, 0])]
  ])
  using model = await Model.create({
    name: 'branches',
    graph: { inputShape: [null, 1, 1, 2], nodes, output: 'flat' },
    tensors
  })
  const input = { data: Float32Array.of(1, 10), shape: [1, 1, 1, 2] }
  expect(Array.from((await model.forward(input)).data)).toEqual([33, 30])
  const { relevance } = await explain(model, input, { rule: 'epsilon', epsilon: 1e-9, target: 0 })
  expect(Array.from(relevance.data, Math.round)).toEqual([3, 30])
})

test('docs/ops.md lists the attributes of every op', () => {
  const page = readFileSync(join(packageRoot, 'docs', 'ops.md'), 'utf8')
  const rows = page.split('\n## ')[0]!.matchAll(/^\| (`.*?) \| (.*?) \| (.*?)\| (.*?)\|$/gm)
  const documented = new Map<string, string>()
  for (const [, names, , attributes] of rows)
    for (const [, name] of names!.matchAll(/`([a-z_0-9]+)`/g)) documented.set(name!, attributes!)
  const wrong = known.filter(([op, name]) => !new RegExp(`\\b${name}\\b`).test(documented.get(op) ?? ''))
  expect(wrong).toEqual([])
})
