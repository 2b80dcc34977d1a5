import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { Model } from '../../../src/model/model.js'
import { readSafetensors } from '../../../src/model/import/safetensors.js'
import { node } from '../../models.js'
import { values } from '../../shared.js'

const folder = mkdtempSync(join(tmpdir(), 'lrp-safetensors-'))
const path = join(folder, 'a.safetensors')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** @param header JSON, or its text as it shall be */
function write(header: object | string, data: Uint8Array, length?: number): void {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(BigInt(length ?? text.length))
  writeFileSync(path, Buffer.concat([prefix, text, data]))
}

const bytes = (array: ArrayBufferView): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
const floats = bytes(Float32Array.of(1, -2.5, 0.25, 8))
const entry = (dtype: string, shape: number[], from: number, to: number): object => ({
  dtype,
  shape,
  data_offsets: [from, to]
})
const W = entry('F32', [2, 2], 0, 16)
const TEXT = JSON.stringify({ w: W })

describe('what the format allows is read', () => {
  const read = async (): Promise<Record<string, [number[], number[]]>> =>
    Object.fromEntries(
      [...(await readSafetensors(path))].map(([name, tensor]) => [name, [tensor.shape, Array.from(values(tensor))]])
    )
  const whole = {
    w: [
      [2, 2],
      [1, -2.5, 0.25, 8]
    ]
  }

  test.each([
    ['metadata', JSON.stringify({ __metadata__: { format: 'pt', note: '{"w": 1}' }, w: W })],
    ['a padded header', TEXT + ' '.repeat(37)],
    ['spaces and escapes in the header', `{ "\\u0077" : ${JSON.stringify(W, null, 4)} }`]
  ])('%s', async (_, header) => {
    write(header, floats)
    expect(await read()).toEqual(whole)
  })

  test('tensors in any order, without numbers, of a single number, and at odd places', async () => {
    const header = {
      last: entry('F32', [], 15, 19),
      first: entry('U8', [3], 0, 3),
      empty: entry('F32', [0, 5], 3, 3),
      middle: entry('F32', [3], 3, 15)
    }
    write(header, Buffer.concat([Uint8Array.of(1, 2, 3), floats]))
    expect(await read()).toEqual({
      last: [[], [8]],
      first: [[3], [1, 2, 3]],
      empty: [[0, 5], []],
      middle: [[3], [1, -2.5, 0.25]]
    })
  })

  test('a file without tensors', async () => {
    write('{}', new Uint8Array(0))
    expect(await read()).toEqual({})
  })

  // 1, -2.5, 0.25, 8
  test.each([
    ['F32', floats],
    ['F64', bytes(Float64Array.of(1, -2.5, 0.25, 8))],
    ['F16', bytes(Uint16Array.of(0x3c00, 0xc100, 0x3400, 0x4800))],
    ['BF16', bytes(Uint16Array.of(0x3f80, 0xc020, 0x3e80, 0x4100))]
  ])('%s, as weights that a network computes with', async (dtype, data) => {
    write({ w: entry(dtype, [2, 2], 0, data.length) }, data)
    expect(await product(3, 2)).toEqual([-2, 16.75])
  })

  test.each([
    ['I64', bytes(BigInt64Array.of(1n, -2n, 0n, 8n)), 'i64'],
    ['I8', bytes(Int8Array.of(1, -2, 0, 8)), 'i8'],
    ['BOOL', Uint8Array.of(1, 0, 0, 1), 'bool']
  ])('%s, which a network must not compute with', async (dtype, data, type) => {
    write({ w: entry(dtype, [2, 2], 0, data.length) }, data)
    expect((await readSafetensors(path)).get('w')).toEqual({ dtype: type, shape: [2, 2], data })
    await expect(product(3, 2)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: "node 'fc' (linear): parameter 'weight' contains whole numbers, but must contain real numbers"
    })
  })

  /** The file's matrix times a vector, by the engine. */
  async function product(...vector: number[]): Promise<number[]> {
    using model = await Model.create({
      name: 'product',
      graph: {
        inputShape: [null, 2],
        nodes: [node('fc', 'linear', ['input'], {}, { weight: 'w' })],
        output: 'fc'
      },
      tensors: await readSafetensors(path)
    })
    return Array.from((await model.forward({ data: Float32Array.from(vector), shape: [1, 2] })).data)
  }
})

describe('what it does not allow is refused', () => {
  test.each<[string, object | string, string]>([
    ['overlapping tensors', { w: W, v: entry('F32', [2], 8, 16) }, "the tensors 'w' and 'v' overlap"],
    ['the same bytes twice', { w: W, v: entry('F32', [4], 0, 16) }, "the tensors 'w' and 'v' overlap"],
    ['a gap', { w: entry('F32', [1], 0, 4), v: entry('F32', [2], 8, 16) }, "bytes before 'v' belong to no tensor"],
    ['bytes left at the end', { w: entry('F32', [3], 0, 12) }, 'bytes at its end belong to no tensor'],
    ['too few bytes for a type', { w: entry('F64', [2, 2], 0, 16) }, "the tensor 'w' does not match its shape"],
    ['too many bytes for a type', { w: entry('F16', [2, 2], 0, 16) }, "the tensor 'w' does not match its shape"],
    ['bytes for nothing', { w: entry('F32', [0, 4], 0, 16) }, "the tensor 'w' does not match its shape"],
    ['a shape beyond all numbers', { w: entry('F32', [2 ** 52, 2 ** 52], 0, 16) }, 'does not match its shape'],
    ['offsets behind the file', { w: entry('F32', [5], 0, 20) }, "the tensor 'w' is outside the file"],
    ['offsets the wrong way round', { w: entry('F32', [4], 16, 0) }, "the tensor 'w' is outside the file"],
    ['negative offsets', { w: entry('F32', [5], -4, 16) }, "the tensor 'w' has no valid offsets"],
    ['a fraction in a shape', { w: entry('F32', [1.5], 0, 16) }, "the tensor 'w' has no valid shape"],
    ['a name twice, with other bytes', TEXT.replace('}}', `},"w":${JSON.stringify(W)}}`), "the key 'w' twice"],
    [
      'a name twice, of the same bytes',
      `{"w":${JSON.stringify(W)},"\\u0077":{"dtype":"I32","shape":[4],"data_offsets":[0,16]}}`,
      "the key 'w' twice"
    ],
    ['a shape twice', '{"w":{"dtype":"F32","shape":[4],"shape":[2,2],"data_offsets":[0,16]}}', "the key 'shape' twice"],
    ['a type of 8 bits', { w: entry('F8_E4M3', [16], 0, 16) }, "the tensor 'w' has the unknown type 'F8_E4M3'"],
    ['a list as header', '[]', 'its header is not a JSON object'],
    ['half a header', TEXT.slice(0, -1), 'its header is not a JSON object']
  ])('%s', async (_, header, message) => {
    write(header, floats)
    await expect(readSafetensors(path)).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringContaining(`${path} is not a valid safetensors file: `)
    })
    await expect(readSafetensors(path)).rejects.toThrow(message)
  })

  test('a header longer than the file', async () => {
    for (const length of [TEXT.length + 17, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
      write(TEXT, floats, length)
      await expect(readSafetensors(path)).rejects.toThrow('its header is longer than the file')
    }
    writeFileSync(path, 'short')
    await expect(readSafetensors(path)).rejects.toThrow('it is shorter than its header')
  })
})
