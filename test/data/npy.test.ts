import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { unzipSync, zipSync } from 'fflate'
import { npyBytes, readNpy, readNpz, writeNpy, writeNpz } from '../../src/core/npy.js'
import { openDataset } from '../../src/data/open.js'
import { sizeOf } from '../../src/core/tensor.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lrp-npy-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A .npy file as NumPy writes it. */
function npy(descr: string, shape: string, values: Uint8Array, version = 1, order = 'False'): Buffer {
  const text = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }`
  const header = Buffer.from(text.padEnd(117) + '\n', 'latin1')
  const length = Buffer.alloc(version === 1 ? 2 : 4)
  if (version === 1) length.writeUInt16LE(header.length)
  else length.writeUInt32LE(header.length)
  return Buffer.concat([Buffer.from([0x93, ...Buffer.from('NUMPY'), version, 0]), length, header, values])
}

const bytesOf = (array: ArrayBufferView): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

describe('.npy files', () => {
  test('what is written is read back', async () => {
    const path = join(folder, 'a.npy')
    const shapes = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(shapes, fc.integer(), async (shape, seed) => {
        const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(i + seed))
        await writeNpy(path, { data, shape })
        expect(await readNpy(path)).toEqual({ data, shape, dtype: 'f4' })
      }),
      { numRuns: 30 }
    )
  })

  test('whole numbers and strings stand next to tensors in an archive, as NumPy writes them', async () => {
    const path = join(folder, 'a.npz')
    const a = { data: Float32Array.of(1, 2), shape: [2] }
    await writeNpz(path, { a }, { targets: { data: Int32Array.of(3, -4), shape: [2, 1] }, names: ['é', 'a😀b'] })
    const read = await readNpz(path)
    expect(Object.keys(read)).toEqual(['a', 'targets'])
    expect(read['targets']).toEqual({ data: Float32Array.of(3, -4), shape: [2, 1], dtype: 'i4' })
    const { 'names.npy': bytes } = unzipSync(readFileSync(path))
    expect(Buffer.from(bytes!.subarray(10, 128)).toString('latin1')).toContain("'descr': '<U3'")
    const points = new Uint32Array(bytes!.slice(128).buffer)
    expect([...points]).toEqual([0xe9, 0, 0, 97, 0x1f600, 98])
  })

  test('the header is aligned as NumPy wants it', () => {
    const bytes = npyBytes({ data: new Float32Array(3), shape: [3] })
    expect((bytes.length - 12) % 64).toBe(0)
  })

  test.each([
    ['<f2', Uint8Array.of(0, 0x3c, 0, 0xc0)],
    ['>f2', Uint8Array.of(0x3c, 0, 0xc0, 0)],
    ['<f8', bytesOf(Float64Array.of(1, -2))],
    ['<i8', bytesOf(BigInt64Array.of(1n, -2n))],
    ['<i4', bytesOf(Int32Array.of(1, -2))],
    ['<i2', bytesOf(Int16Array.of(1, -2))],
    ['|i1', bytesOf(Int8Array.of(1, -2))],
    ['>i2', Uint8Array.of(0, 1, 255, 254)]
  ])('values of type %s are read', async (descr, values) => {
    for (const version of [1, 2, 3]) {
      const path = join(folder, 'a.npy')
      writeFileSync(path, npy(descr, '2,', values, version))
      const { data, shape } = await readNpy(path)
      expect([[...data], shape]).toEqual([[1, -2], [2]])
    }
  })

  test('of float16 every value is the number it stands for', async () => {
    const bits = Uint16Array.of(0x0001, 0x03ff, 0x0400, 0x2e66, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x8000)
    const path = join(folder, 'a.npy')
    writeFileSync(path, npy('<f2', '9,', bytesOf(bits)))
    // numpy.array([...], 'u2').view('f2')
    const values = [2 ** -24, 1023 * 2 ** -24, 2 ** -14, 0.0999755859375, 65504, Infinity, -Infinity, NaN, -0]
    expect([...(await readNpy(path)).data]).toEqual(values)
  })

  test.each([
    ['|O', "its values have the type 'O': save numbers instead"],
    ['<U3', "its values have the type 'U3': save numbers instead"],
    ['<c8', "its values have the type 'c8': save numbers instead"],
    ["' [('x', '<f4')] '", "its values have the type 'record': save numbers instead"]
  ])('values of type %s are refused by it', async (descr, message) => {
    const path = join(folder, 'a.npy')
    const bytes = npy(descr, '1,', new Uint8Array(12))
      .toString('latin1')
      .replace(/'' | ''/g, '')
    writeFileSync(path, bytes, 'latin1')
    await expect(readNpy(path)).rejects.toThrow(message)
  })

  test.each([
    ['truncated values', npy('<f4', '3,', new Uint8Array(11)), 'INVALID_FILE'],
    ['a cut header', npy('<f4', '3,', new Uint8Array(12)).subarray(0, 40), 'INVALID_FILE'],
    ['objects', npy('|O', '1,', new Uint8Array(8)), 'INVALID_FILE'],
    ['text', npy('<U3', '1,', new Uint8Array(12)), 'INVALID_FILE'],
    ['Fortran order', npy('<f4', '1, 1', new Uint8Array(4), 1, 'True'), 'UNSUPPORTED'],
    ['a shape beyond all memory', npy('<f4', '99999999999, 99999999999', new Uint8Array(4)), 'INVALID_FILE'],
    ['no array at all', Buffer.from('hello'), 'INVALID_FILE']
  ])('%s is refused by name', async (_, bytes, code) => {
    const path = join(folder, 'a.npy')
    writeFileSync(path, bytes)
    await expect(readNpy(path)).rejects.toMatchObject({ code, message: expect.stringContaining(path) })
  })
})

test('.npz files hold arrays by name', async () => {
  const path = join(folder, 'a.npz')
  const arrays = { a: { data: Float32Array.of(1, 2), shape: [2] }, 'b.c': { data: Float32Array.of(3), shape: [1, 1] } }
  await writeNpz(path, arrays)
  expect(await readNpz(path)).toEqual({ a: { ...arrays.a, dtype: 'f4' }, 'b.c': { ...arrays['b.c'], dtype: 'f4' } })
  writeFileSync(path, 'PK no zip')
  await expect(readNpz(path)).rejects.toMatchObject({ code: 'INVALID_FILE' })
})

describe('data sets of arrays', () => {
  const write = (name: string, descr: string, shape: string, values: ArrayBufferView): void =>
    writeFileSync(join(folder, name), npy(descr, shape, bytesOf(values)))

  test('a folder of images and labels', async () => {
    write('images.npy', '|u1', '2, 1, 2, 3', Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12))
    write('labels.npy', '<i8', '2,', BigInt64Array.of(0n, 1n))
    const { imageShape, splits } = await openDataset({ dataPath: folder, validSplit: 0, testSplit: 0 })
    expect(imageShape).toEqual([1, 2, 3])
    expect(splits.train.labels).toHaveLength(2)
  })

  test('three channels last become planes', async () => {
    write('images.npy', '|u1', '1, 2, 2, 3', Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12))
    write('labels.npy', '|u1', '1,', Uint8Array.of(0))
    const { imageShape, splits } = await openDataset({ dataPath: folder, validSplit: 0, testSplit: 0 })
    expect(imageShape).toEqual([3, 2, 2])
    expect([...splits.train.images]).toEqual([1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12])
  })

  test('an .npz file with splits, of values from 0 to 1', async () => {
    const path = join(folder, 'set.npz')
    const images = { data: Float32Array.of(0, 1, 0.5, 0.2), shape: [2, 1, 2] }
    const labels = { data: Float32Array.of(0, 1), shape: [2] }
    await writeNpz(path, { x_train: images, y_train: labels, x_test: images, y_test: labels })
    const { splits } = await openDataset({ dataPath: path, validSplit: 0 })
    expect([...splits.test.images]).toEqual([0, 255, 128, 51])
    expect([...splits.test.labels]).toEqual([0, 1])
  })

  test.each([
    [[0, 1, 2], [2, 1, 2], [0], 'their labels have the shape 1'],
    [[0, 1, 2, 3], [2, 1, 2], [0, 0.5], 'label 0.5 is not a whole number'],
    [[0, 1, 2, 300], [2, 1, 2], [0, 1], 'not from 0 to 300'],
    [[0, 1, NaN, 3], [2, 1, 2], [0, 1], 'not a number'],
    [[0, 1, 2, 3], [2, 2], [0, 1], 'must have the shape [N, H, W]'],
    [[0, 1, 2, 3], [2, 1, 2], [0, -1], 'the label -1'],
    [[0, 1, 2, 3], [2, 1, 2], [0, 2], "class '1' has no training image"]
  ])('images %j of shape %j with labels %j are refused', async (values, shape, labels, message) => {
    const path = join(folder, 'set.npz')
    const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => values[i] ?? 0)
    await writeNpz(path, {
      images: { data, shape },
      labels: { data: Float32Array.from(labels), shape: [labels.length] }
    })
    await expect(openDataset({ dataPath: path, validSplit: 0, testSplit: 0 })).rejects.toThrow(message)
  })

  test('without labels, or without images, is refused', async () => {
    write('images.npy', '|u1', '1, 2, 2', new Uint8Array(4))
    await expect(openDataset({ dataPath: folder })).rejects.toThrow('no labels')
    rmSync(join(folder, 'images.npy'))
    await expect(openDataset({ data: 'npy', dataPath: folder })).rejects.toThrow('must contain arrays named')
  })
})

test('an archive that says it holds more than 1 GiB is refused before it is unpacked', async () => {
  const path = join(folder, 'bomb.npz')
  const zip = Buffer.from(zipSync({ 'x.npy': npyBytes({ data: new Float32Array(4), shape: [4] }) }))
  const directory = zip.indexOf(Buffer.from([0x50, 0x4b, 1, 2]))
  zip.writeUInt32LE(2 ** 30 + 1, directory + 24)
  writeFileSync(path, zip)
  await expect(readNpz(path)).rejects.toThrow('bomb.npz are larger than 1 GiB in total')
})
