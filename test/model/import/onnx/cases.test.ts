import { describe, expect, test } from '@jest/globals'
import { Model } from '../../../../src/model/model.js'
import { computed, ints, onnxFile, tensor, type FileSpec, type NodeSpec } from './file.js'

const range = (count: number, from = 1) => Array.from({ length: count }, (_, i) => i + from)
const near = (numbers: number[]) => numbers.map((one) => expect.closeTo(one, 4))
/** An operator on x and named inputs, whose result is y. */
const one = (op: string, inputs: string[], attributes: FileSpec['nodes'][number]['attributes'] = {}) => [
  { op, inputs, attributes }
]

describe('a file computes what it says', () => {
  test('a weight cast to float16 is rounded to half', async () => {
    const nodes: NodeSpec[] = [
      { op: 'Cast', inputs: ['w'], outputs: ['half'], attributes: { to: 10 } },
      { op: 'Cast', inputs: ['half'], outputs: ['full'], attributes: { to: 1 } },
      { op: 'Add', inputs: ['x', 'full'] }
    ]
    const { numbers } = await computed({ nodes, weights: { w: tensor([0.3, -0.7]) } }, [0, 0], [1, 2])
    expect(numbers).toEqual([0.300048828125, -0.7001953125])
  })

  test.each([
    [10, 0.7, 7],
    [5, 1.4, 7]
  ])('%i pixels times %f are %i: the factor is a float32', async (size, factor, wanted) => {
    const weights = { s: tensor([1, 1, 1, factor]) }
    const nodes = one('Resize', ['x', '', 's'], { mode: 'linear' })
    const { shape } = await computed({ nodes, weights, shape: ['N', 1, 1, size] }, range(size), [1, 1, 1, size])
    expect(shape).toEqual([1, 1, 1, wanted])
  })

  test('places of pixels come from the factor, not from the sizes', async () => {
    const weights = { s: tensor([1, 1, 1, 1.5]) }
    const nodes = one('Resize', ['x', '', 's'], { mode: 'linear' })
    const { numbers } = await computed({ nodes, weights, shape: ['N', 1, 1, 5] }, [0, 1, 2, 3, 4], [1, 1, 1, 5])
    expect(numbers).toEqual(near([0, 0.5, 1.1667, 1.8333, 2.5, 3.1667, 3.8333]))
  })

  test('nearest without nearest_mode rounds, and halves down', async () => {
    const weights = { s: tensor([1, 1, 1, 4]) }
    const nodes = one('Resize', ['x', '', 's'], { coordinate_transformation_mode: 'asymmetric' })
    const { numbers } = await computed({ nodes, weights, shape: ['N', 1, 1, 2] }, [0, 1], [1, 1, 1, 2])
    expect(numbers).toEqual([0, 0, 0, 1, 1, 1, 1, 1])
  })

  // values of onnx.reference
  test.each<[string, FileSpec['nodes'][number]['attributes'], number[], string, number[]]>([
    ['antialias', { mode: 'linear', antialias: 1 }, [1, 1, 1, 0.5], 's', [0.625, 2.5, 4.375]],
    ['axes', { mode: 'linear', axes: [3] }, [0.5], 's', [0.5, 2.5, 4.5]],
    [
      'pytorch_half_pixel to one',
      { mode: 'linear', coordinate_transformation_mode: 'pytorch_half_pixel' },
      [1, 1, 1, 1],
      'z',
      [0]
    ],
    [
      'keep_aspect_ratio_policy',
      { mode: 'linear', axes: [2, 3], keep_aspect_ratio_policy: 'not_larger' },
      [1, 3],
      'z',
      [0.5, 2.5, 4.5]
    ]
  ])('Resize with %s', async (_, attributes, given, kind, wanted) => {
    const isFactor = kind === 's'
    const weights = { g: isFactor ? tensor(given) : ints(...given) }
    const nodes = one('Resize', isFactor ? ['x', '', 'g'] : ['x', '', '', 'g'], attributes)
    const spec = { nodes, weights, opset: 19, shape: [1, 1, 1, 6] }
    const { numbers } = await computed(spec, [0, 1, 2, 3, 4, 5], [1, 1, 1, 6])
    expect(numbers.slice(0, wanted.length)).toEqual(near(wanted))
  })

  test('Cast to whole numbers cuts off what is behind the point; to bool it is 0 or 1', async () => {
    const nodes = (to: number): NodeSpec[] => [
      { op: 'Cast', inputs: ['x'], outputs: ['c'], attributes: { to } },
      { op: 'Cast', inputs: ['c'], attributes: { to: 1 } }
    ]
    expect((await computed({ nodes: nodes(6) }, [1.7, -1.7], [1, 2])).numbers).toEqual([1, -1])
    expect((await computed({ nodes: nodes(9) }, [1.7, 0], [1, 2])).numbers).toEqual([1, 0])
  })

  test.each(['MaxPool', 'AveragePool'])('%s with padding behind alone and ceil_mode', async (op) => {
    const attributes = { kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 1, 1], ceil_mode: 1 }
    const nodes: NodeSpec[] = [
      { op, inputs: ['x'], outputs: ['p'], attributes },
      { op: 'GlobalAveragePool', inputs: ['p'] }
    ]
    const { numbers } = await computed({ nodes, opset: 19, shape: ['N', 1, 4, 4] }, range(16), [1, 1, 4, 4])
    expect(numbers).toEqual(near([op === 'MaxPool' ? 11 : 8.5]))
  })

  test('Flatten with a negative axis', async () => {
    const { shape } = await computed({ nodes: one('Flatten', ['x'], { axis: -1 }), shape: ['N', 6] }, range(12), [2, 6])
    expect(shape).toEqual([2, 6])
  })

  test('a mean over no axes that is to change nothing changes nothing', async () => {
    const nodes = one('ReduceMean', ['x', 'a'], { noop_with_empty_axes: 1 })
    const { numbers } = await computed({ nodes, opset: 18, weights: { a: ints() } }, [1.7, -2.3], [1, 2])
    expect(numbers).toEqual(near([1.7, -2.3]))
  })

  test('a power of constants of two types has the type of the base', async () => {
    const nodes: NodeSpec[] = [
      { op: 'Pow', inputs: ['b', 'e'], outputs: ['p'] },
      { op: 'Mul', inputs: ['x', 'p'] }
    ]
    const weights = { b: tensor([2.25], []), e: tensor([1], [], 'i64') }
    expect((await computed({ nodes, weights }, [1, 2], [1, 2])).numbers).toEqual([2.25, 4.5])
  })
})

describe('what cannot run is refused at import, and what is unusual runs', () => {
  test('padding above half of a pooling window', async () => {
    const nodes = one('MaxPool', ['x'], { kernel_shape: [3], pads: [2, 2] })
    const { numbers } = await computed({ nodes, shape: ['N', 1, 3] }, [1, 3, 2], [1, 1, 3])
    expect(numbers).toEqual([1, 3, 3, 3, 2])
  })

  test.each([
    ['reflect', [3, 2, 1, 2, 3]],
    ['edge', [1, 1, 1, 2, 3]]
  ])('%s padding of the last axis alone', async (mode, wanted) => {
    const nodes = one('Pad', ['x', 'p'], { mode })
    const weights = { p: ints(0, 0, 0, 2, 0, 0, 0, 0) }
    const { numbers } = await computed({ nodes, weights, shape: ['N', 1, 1, 3] }, [1, 2, 3], [1, 1, 1, 3])
    expect(numbers).toEqual(wanted)
  })

  test('negative padding of a convolution cuts off', async () => {
    const nodes = one('Conv', ['x', 'w'], { pads: [-1, 0] })
    const { numbers } = await computed(
      { nodes, weights: { w: tensor([1], [1, 1, 1]) }, shape: ['N', 1, 3] },
      [1, 2, 3],
      [1, 1, 3]
    )
    expect(numbers).toEqual([2, 3])
  })

  test('a layer norm over all axes and a sum along the last', async () => {
    const nodes: NodeSpec[] = [
      { op: 'LayerNormalization', inputs: ['x', 's'], outputs: ['n'], attributes: { axis: 1 } },
      { op: 'Add', inputs: ['n', 'b'] }
    ]
    const weights = { s: tensor([1, 1, 1, 1], [2, 2]), b: tensor([10, 20]) }
    const { numbers } = await computed({ nodes, weights, shape: ['N', 2, 2] }, [1, 2, 3, 4], [1, 2, 2])
    expect(numbers).toEqual(near([8.6584, 19.5528, 10.4472, 21.3416]))
  })
})

describe('a file for one image, given two', () => {
  const two = range(16)
  const shape = [1, 2, 2, 2]

  test('its batch is followed through reshapes that name it', async () => {
    const nodes: NodeSpec[] = [
      { op: 'Reshape', inputs: ['x', 'a'], outputs: ['r'] },
      { op: 'Transpose', inputs: ['r'], outputs: ['t'], attributes: { perm: [0, 2, 1] } },
      { op: 'Concat', inputs: ['token', 't'], outputs: ['c'], attributes: { axis: 1 } },
      { op: 'ReduceMean', inputs: ['c'], attributes: { axes: [1], keepdims: 0 } }
    ]
    const weights = { a: ints(1, 2, -1), token: tensor([5, 10], [1, 1, 2]) }
    const { numbers, shape: made } = await computed({ nodes, weights, shape }, two, [2, 2, 2, 2])
    expect(made).toEqual([2, 2])
    expect(numbers).toEqual(near([3, 7.2, 9.4, 13.6]))
  })

  test('what mixes its images runs image by image', async () => {
    const nodes: NodeSpec[] = [
      { op: 'Slice', inputs: ['x', 'zero', 'one', 'zero'], outputs: ['first'] },
      { op: 'Add', inputs: ['x', 'first'] }
    ]
    const weights = { zero: ints(0), one: ints(1) }
    const { numbers } = await computed({ nodes, weights, shape: [1, 2] }, [1, 2, 3, 4], [2, 2])
    expect(numbers).toEqual([2, 4, 6, 8])
  })

  test('a file for two images that mixes them refuses three', async () => {
    const nodes = one('Softmax', ['x'], { axis: 0 }).concat([{ op: 'Mul', inputs: ['s', 'two'], attributes: {} }])
    nodes[0] = { ...nodes[0]!, outputs: ['s'] } as never
    using model = await Model.load(onnxFile({ nodes, weights: { two: tensor([2], []) }, shape: [2, 2] }))
    await expect(model.forward({ data: new Float32Array(6), shape: [3, 2] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/batches of 2 images.*3/)
    })
  })

  test('an output without an axis for images is refused', async () => {
    const spec = { nodes: one('Squeeze', ['x', 'zero']), weights: { zero: ints(0) }, shape: [1, 2] }
    await expect(Model.load(onnxFile(spec))).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(/dynamic batch/)
    })
  })
})
