import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, jest, test } from '@jest/globals'
import { zipSync, type Zippable } from 'fflate'
import { importModel, readStateDict } from '../../../src/model/import/index.js'
import { ONNX } from '../../../src/model/import/onnx/proto.js'
import { bytesOf } from '../../../src/model/import/onnx/tensor-proto.js'
import { writeSafetensors } from '../../../src/model/import/safetensors.js'
import { Model } from '../../../src/model/model.js'

jest.setTimeout(600_000)

const fixtures = join(__dirname, 'fixtures')
const folder = mkdtempSync(join(tmpdir(), 'lrp-hostile-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, bytes: Uint8Array | string): string => {
  writeFileSync(join(folder, name), bytes)
  return join(folder, name)
}

const refused = async (path: string, code: string, message: RegExp) =>
  expect(importModel(path)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })

describe('cut off at every 1,000th byte a file is refused', () => {
  test.each(['conv3d.opset17.onnx', 'conv3d.pt2', 'zip.pth', 'legacy.pth', 'conv3d.safetensors'])(
    '%s',
    async (file) => {
      const bytes = readFileSync(join(fixtures, file))
      const path = join(folder, `cut-${file}`)
      const graph = /\.(onnx|pt2)$/.test(file)
      for (let length = 0; length < bytes.length; length += 1000) {
        write(`cut-${file}`, bytes.subarray(0, length))
        const error = await (graph ? importModel(path) : readStateDict(path)).then(
          () => `${length} bytes were taken`,
          (reason: { code: string; message: string }) => reason
        )
        expect(error).toMatchObject({ code: 'INVALID_FILE', message: expect.stringContaining(path) })
      }
    }
  )
})

interface Onnx {
  node: { op_type: string; input: string[]; output: string[]; attribute?: object[]; domain?: string }[]
  initializer?: object[]
  input?: object[]
  output?: object[]
  opset?: number
}

const value = (name: string, axes: number[]) => ({
  name,
  type: { tensor_type: { elem_type: 1, shape: { dim: axes.map((axis) => ({ dim_value: axis })) } } }
})
const weight = (name: string, dims: number[], numbers: number[]) => ({
  name,
  dims,
  data_type: 1,
  raw_data: bytesOf('f32', numbers)
})

function onnx(name: string, { opset = 17, ...graph }: Onnx): string {
  const type = ONNX.lookupType('Model')
  const message = type.fromObject({
    ir_version: 8,
    graph: { input: [value('x', [1, 2])], output: [value('y', [1, 2])], ...graph },
    opset_import: [{ domain: '', version: opset }]
  })
  return write(`${name}.onnx`, type.encode(message).finish())
}

const relu = { op_type: 'Relu', input: ['x'], output: ['y'] }

/** A network whose weight lies in another file. */
const externalWeight = (location: string): Onnx => ({
  node: [relu],
  initializer: [
    { name: 'w', dims: [1], data_type: 1, data_location: 1, external_data: [{ key: 'location', value: location }] }
  ]
})

describe('hostile ONNX files', () => {
  test.each<[string, Onnx, string, RegExp]>([
    [
      'cyclic',
      {
        node: [
          { op_type: 'Add', input: ['x', 'z'], output: ['y'] },
          { op_type: 'Relu', input: ['y'], output: ['z'] }
        ]
      },
      'INVALID_FILE',
      /'y' reads 'z'.*cycle/
    ],
    [
      'without its weight',
      { node: [{ op_type: 'Gemm', input: ['x', 'w'], output: ['y'] }] },
      'INVALID_FILE',
      /reads 'w'.*missing/
    ],
    [
      'recurrent layer',
      { node: [{ op_type: 'LSTM', input: ['x'], output: ['y'] }] },
      'UNSUPPORTED',
      /'y' \(LSTM\) cannot be imported: it is a recurrent layer/
    ],
    [
      'unknown operator',
      { node: [{ op_type: 'Launch', input: ['x'], output: ['y'] }] },
      'UNSUPPORTED',
      /'y' \(Launch\)/
    ],
    ['foreign operator', { node: [{ ...relu, domain: 'com.example' }] }, 'UNSUPPORTED', /\(Relu\)/],
    [
      'operator named like a method',
      { node: [{ op_type: 'constructor', input: ['x'], output: ['y'] }] },
      'UNSUPPORTED',
      /constructor/
    ],
    ['old opset', { node: [relu], opset: 6 }, 'UNSUPPORTED', /opset 6/],
    ['opset of the future', { node: [relu], opset: 29 }, 'UNSUPPORTED', /opset 29/],
    [
      'two inputs',
      {
        node: [{ op_type: 'Add', input: ['x', 'z'], output: ['y'] }],
        input: [value('x', [1, 2]), value('z', [1, 2])]
      },
      'UNSUPPORTED',
      /2 inputs.*--constant NAME=FILE.npy/
    ],
    ['input without axes', { node: [relu], input: [value('x', [])] }, 'UNSUPPORTED', /shape of its input 'x'/],
    [
      'output that is a weight',
      { node: [relu], output: [value('w', [1])], initializer: [weight('w', [1], [1])] },
      'INVALID_FILE',
      /output/
    ],
    [
      'attribute that is not known',
      { node: [{ ...relu, attribute: [{ name: 'speed', i: 1, type: 2 }] }] },
      'UNSUPPORTED',
      /'speed' is not supported/
    ],
    [
      'attribute of another type',
      { node: [{ op_type: 'Flatten', input: ['x'], output: ['y'], attribute: [{ name: 'axis', f: 1, type: 1 }] }] },
      'UNSUPPORTED',
      /'axis' is of the wrong type/
    ],
    [
      'input that is not known',
      { node: [{ ...relu, input: ['x', 'w'] }], initializer: [weight('w', [1], [1])] },
      'UNSUPPORTED',
      /input 1 is not supported/
    ],
    [
      'output that is not known',
      {
        node: [
          { ...relu, output: ['y', 'z'] },
          { op_type: 'Add', input: ['y', 'z'], output: ['s'] }
        ],
        output: [value('s', [1])]
      },
      'UNSUPPORTED',
      /output 1 is not supported/
    ],
    [
      'value given twice',
      { node: [relu, { op_type: 'Tanh', input: ['x'], output: ['y'] }] },
      'INVALID_FILE',
      /two of its nodes compute the value 'y'/
    ],
    [
      'split into more than there is',
      {
        node: [
          { op_type: 'Split', input: ['x'], output: ['y'], attribute: [{ name: 'num_outputs', i: 2 ** 31, type: 2 }] }
        ],
        opset: 18
      },
      'UNSUPPORTED',
      /\(Split\)/
    ],
    [
      'weight that does not match',
      { node: [relu], initializer: [weight('w', [3], [1, 2])] },
      'INVALID_FILE',
      /'w' does not match/
    ],
    [
      'weight of negative size',
      { node: [relu], initializer: [weight('w', [-1], [1])] },
      'INVALID_FILE',
      /'w' does not match/
    ],
    [
      'weight twice',
      { node: [relu], initializer: [weight('w', [1], [1]), weight('w', [1], [1])] },
      'INVALID_FILE',
      /'w' twice/
    ],
    ['weight outside the folder', externalWeight('../secret'), 'INVALID_FILE', /outside/],
    ['weight in a missing file', externalWeight('gone.bin'), 'NOT_FOUND', /gone\.bin/],
    [
      'constant that is too large',
      {
        node: [
          { op_type: 'ConstantOfShape', input: ['n'], output: ['big'] },
          { op_type: 'Add', input: ['x', 'big'], output: ['y'] }
        ],
        initializer: [{ name: 'n', dims: [2], data_type: 7, int64_data: [1e6, 1e6] }]
      },
      'UNSUPPORTED',
      /too large/
    ],
    [
      'reshape that does not match',
      {
        node: [{ op_type: 'Reshape', input: ['x', 'n'], output: ['y'] }],
        initializer: [{ name: 'n', dims: [2], data_type: 7, int64_data: [-1, 3] }]
      },
      'UNSUPPORTED',
      /does not match/
    ],
    ['operator without inputs', { node: [{ op_type: 'Conv', input: [], output: ['y'] }] }, 'UNSUPPORTED', /\(Conv\)/]
  ])('%s', async (name, graph, code, message) => {
    await refused(onnx(name.replaceAll(' ', '-'), graph), code, message)
  })

  test('weights that are no numbers are refused when the model is made', async () => {
    const path = onnx('nan', {
      node: [{ op_type: 'Gemm', input: ['x', 'w'], output: ['y'] }],
      initializer: [weight('w', [2, 2], [1, NaN, 2, 3])]
    })
    await expect(Model.load(path)).rejects.toMatchObject({ code: 'NUMERIC', message: expect.stringContaining("'w") })
  })

  test('an operator that asks for an output of any size is refused before it is made', async () => {
    const transposed = {
      op_type: 'ConvTranspose',
      input: ['x', 'w'],
      output: ['y'],
      attribute: [{ name: 'strides', ints: [1e6, 1e6], type: 7 }]
    }
    const path = onnx('huge', {
      node: [transposed],
      input: [value('x', [1, 1, 9, 9])],
      initializer: [weight('w', [1, 1, 1, 1], [1])]
    })
    await refused(path, 'UNSUPPORTED', /'y'.*too large/)
  })

  const external = (location: string) => ({
    node: [{ op_type: 'Gemm', input: ['x', 'w'], output: ['y'] }],
    initializer: [
      { name: 'w', dims: [2, 2], data_type: 1, data_location: 1, external_data: [{ key: 'location', value: location }] }
    ]
  })

  test('a link that leads out of the folder, and what is not a regular file, are refused', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'lrp-outside-'))
    writeFileSync(join(outside, 'secret'), bytesOf('f32', [1, 2, 3, 4]))
    symlinkSync(join(outside, 'secret'), join(folder, 'link.bin'))
    mkdirSync(join(folder, 'folder.bin'))
    await refused(onnx('linked', external('link.bin')), 'INVALID_FILE', /outside the file's folder/)
    await refused(onnx('in-folder', external('folder.bin')), 'INVALID_FILE', /not a regular file/)
    if (process.platform !== 'win32') {
      execFileSync('mkfifo', [join(folder, 'pipe.bin')])
      await refused(onnx('piped', external('pipe.bin')), 'INVALID_FILE', /not a regular file/)
    }
    rmSync(outside, { recursive: true })
  })

  test('a weight in a file beside it is read', async () => {
    write('beside.bin', bytesOf('f32', [9, 1, 2, 3, 4]))
    const external = [
      { key: 'location', value: 'beside.bin' },
      { key: 'offset', value: '4' }
    ]
    const path = onnx('external', {
      node: [{ op_type: 'Gemm', input: ['x', 'w'], output: ['y'], attribute: [{ name: 'transB', i: 1, type: 2 }] }],
      initializer: [{ name: 'w', dims: [2, 2], data_type: 1, data_location: 1, external_data: external }]
    })
    using model = await Model.load(path)
    const { data } = await model.forward({ data: Float32Array.of(1, 10), shape: [1, 2] })
    expect(Array.from(data)).toEqual([21, 43])
  })
})

describe('hostile safetensors', () => {
  const file = (header: object | string, body = 8): string => {
    const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(json.length))
    return write('bad.safetensors', Buffer.concat([length, json, Buffer.alloc(body)]))
  }
  const tensor = (from: number, to: number, shape = [1], dtype = 'F32') => ({ dtype, shape, data_offsets: [from, to] })

  test.each<[string, object | string, RegExp]>([
    ['overlapping tensors', { a: tensor(0, 4), b: tensor(2, 6) }, /'a' and 'b' overlap/],
    ['a negative offset', { a: tensor(-4, 0) }, /'a' has no valid offsets/],
    ['a range beyond the file', { a: tensor(0, 400, [100]) }, /'a' is outside/],
    ['a range backwards', { a: tensor(4, 0) }, /'a' is outside/],
    ['a shape that does not match', { a: tensor(0, 4, [2]) }, /'a' does not match/],
    ['a shape that overflows', { a: tensor(0, 4, [2 ** 40, 2 ** 40]) }, /'a' does not match/],
    ['an unknown type', { a: tensor(0, 4, [1], 'F4') }, /unknown type 'F4'/],
    [
      'a name twice',
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
      /its header has the key 'a' twice/
    ],
    ['no object', '[1]', /header/],
    ['null', 'null', /header/]
  ])('%s', async (_, header, message) => {
    await expect(readStateDict(file(header))).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringMatching(message)
    })
  })

  test('weights that are no numbers are refused, naming the first', async () => {
    const path = join(folder, 'nan.safetensors')
    const zeros = (size: number) => new Uint8Array(size * 4)
    await writeSafetensors(path, [
      ['1.weight', { dtype: 'f32', shape: [10, 784], data: zeros(7840) }],
      ['1.bias', { dtype: 'f32', shape: [10], data: bytesOf('f32', [NaN, ...Array<number>(9).fill(0)]) }]
    ])
    await expect(Model.load(path, { architecture: 'mlp' })).rejects.toMatchObject({
      code: expect.stringMatching(/NUMERIC|INVALID_FILE|UNSUPPORTED/)
    })
  })
})

describe('hostile archives', () => {
  const entries = (change: Zippable): Zippable => ({
    'm/data.pkl': Buffer.from('\x80\x02}q\x00.', 'latin1'),
    'm/byteorder': Buffer.from('little'),
    ...change
  })

  test('a packed entry that swells is refused before it is unpacked', async () => {
    const bomb = write('bomb.pth', zipSync(entries({ 'm/data.pkl': [new Uint8Array(48 << 20), { level: 9 }] })))
    await expect(readStateDict(bomb)).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringMatching(/data\.pkl/)
    })
  })

  test('an exported program with an unknown op is refused by its name', async () => {
    const source = readFileSync(join(fixtures, 'sums.pt2')).toString('latin1')
    const path = write(
      'unknown.pt2',
      Buffer.from(source.replaceAll('torch.ops.aten.linear.default', 'torch.ops.aten.lonely.default'), 'latin1')
    )
    await refused(path, 'UNSUPPORTED', /aten\.lonely\.default.*PyTorch has no such operator/)
  })

  test('tensors that all read one storage may not swell the file', async () => {
    const one = `X\x01\x00\x00\x00NAMEctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuM\xe8\x03tQK\x00M\xe8\x03\x85K\x01\x85\x89}tR`
    const items = Array.from({ length: 60 }, (_, i) => one.replace('NAME', String.fromCharCode(48 + i))).join('')
    const pickle = Buffer.from(`\x80\x02}(${items}u.`, 'latin1')
    const path = write(
      'shared.pth',
      zipSync(entries({ 'm/data.pkl': [pickle, { level: 0 }], 'm/data/0': [new Uint8Array(4000), { level: 0 }] }), {
        level: 0
      })
    )
    await expect(readStateDict(path)).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringMatching(/larger than the file/)
    })
  })
})
