import { describe, expect, test } from '@jest/globals'
import { Model } from '../../../../src/model/model.js'
import { onnxFile, tensor, type NodeSpec } from './file.js'

const input = { data: Float32Array.of(1, 2), shape: [1, 2] }
const nodes: NodeSpec[] = [
  { op: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] },
  { op: 'Add', inputs: ['h', 'b'], outputs: ['logits'] },
  { op: 'Relu', inputs: ['h'], outputs: ['features'] }
]
const weights = { w: tensor([1, 0, 0, -1], [2, 2]), b: tensor([10, 20]) }

describe('a file with several outputs', () => {
  test('has them all by the names of the file', async () => {
    using model = await Model.load(onnxFile({ nodes, weights, outputs: ['logits', 'features'] }))
    expect([...(await model.forward(input)).data]).toEqual([11, 18])
    // the sum is no bias of the product: another output reads what comes before it
    expect([...(await (await model.head('features')).forward(input)).data]).toEqual([1, 0])
    expect([...(await (await model.head(1)).forward(input)).data]).toEqual([1, 0])
  })

  test('has the first alone where another cannot be imported', async () => {
    const odd: NodeSpec[] = [...nodes, { op: 'Unheard', inputs: ['features'], outputs: ['odd'] }]
    using model = await Model.load(onnxFile({ nodes: odd, weights, outputs: ['logits', 'odd'] }))
    expect([...(await model.forward(input)).data]).toEqual([11, 18])
    await expect(model.head('odd')).rejects.toThrow("'odd'")
  })
})
