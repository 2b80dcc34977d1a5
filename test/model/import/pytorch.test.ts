import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { zipSync } from 'fflate'
import { importModel } from '../../../src/model/import/index.js'
import { importPt2 } from '../../../src/model/import/pt2/index.js'
import { readPytorch } from '../../../src/model/import/pytorch.js'
import { describeShared, shared } from '../../shared.js'

let folder: string
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'lrp-pytorch-'))))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, data: Uint8Array | string): string => {
  writeFileSync(join(folder, name), data)
  return join(folder, name)
}

describe('hostile files', () => {
  test('a pickle that would run a command is refused by name', async () => {
    const path = write('evil.pth', Buffer.from('\x80\x02cposix\nsystem\nU\x04true\x85R.', 'latin1'))
    await expect(readPytorch(path)).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringContaining("'posix.system'")
    })
  })

  test('TorchScript and a whole network are refused with what to do', async () => {
    const asking = (module: string): Promise<unknown> =>
      readPytorch(write('asking.pt', Buffer.from(`\x80\x02c${module}\nResNet\n.`, 'latin1')))
    await expect(asking('__torch__.models.resnet')).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(/asking\.pt is a TorchScript archive: export .* torch\.export\.save/)
    })
    await expect(asking('models.resnet')).rejects.toThrow(
      /save net\.state_dict\(\) instead of the network, or export the network to \.pt2/
    )
    const photo = importModel('photo.JPG')
    await expect(photo).rejects.toThrow(
      'looks like an image, not like a model: pass a model, and pass the image with --input'
    )
    const { message } = (await importModel(join(folder, 'asking.pt')).catch((error: unknown) => error)) as Error
    expect(message).toMatch(/state_dict/) // and not that it needs an architecture
  })

  // 60 tuples, each of the one before twice: as text they would be of 2^60 characters (F6)
  const nested =
    ')q\x00' +
    Array.from({ length: 60 }, (_, i) => `h${String.fromCharCode(i)}\x86q${String.fromCharCode(i + 1)}`).join('')
  test.each([
    ['a name', `\x80\x02}(${nested}K\x01u.`, 'does not contain a state dict'],
    [
      'a description of a storage',
      `\x80\x02}(X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n((${nested}ctorch\nFloatStorage\n` +
        'X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQK\x00K\x04\x85K\x01\x85\x89}tRu.',
      'one of its storages is not described'
    ]
  ])('shared tuples instead of %s are refused without being written out', async (_, pickle, message) => {
    const entries = {
      'm/data.pkl': Buffer.from(pickle, 'latin1'),
      'm/byteorder': Buffer.from('little'),
      'm/data/0': new Uint8Array(16)
    }
    const path = write('tuples.pth', zipSync(entries, { level: 0 }))
    await expect(readPytorch(path)).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringContaining(message)
    })
  })

  test.each([
    ['empty', ''],
    ['text', 'not a model'],
    ['a zip without directory', 'PK\x03\x04' + 'x'.repeat(100)],
    ['a pickle that pops too much', '\x80\x020000.'],
    ['a string longer than the file', '\x80\x02X\xff\xff\xff\x7fabc.']
  ])('%s is refused', async (name, text) => {
    await expect(readPytorch(write(`${name}.pth`, Buffer.from(text, 'latin1')))).rejects.toMatchObject({
      code: 'INVALID_FILE'
    })
  })
})

describeShared('a real checkpoint in the older format', () => {
  const source = shared('models/resnet20-12fca82f.th')

  test('holds the weights of the exported program', async () => {
    const tensors = await readPytorch(source)
    const exported = await importPt2(shared('models/resnet20.pt2'))
    for (const [name, tensor] of exported.tensors) {
      expect(tensors.get(name)!.shape).toEqual(tensor.shape)
      expect(Buffer.from(tensors.get(name)!.data).equals(tensor.data)).toBe(true)
    }
  })

  test('cut off anywhere it is refused', async () => {
    const bytes = readFileSync(source)
    for (let length = 0; length < bytes.length; length += 50_000) {
      const path = write('cut.th', bytes.subarray(0, length))
      await expect(readPytorch(path)).rejects.toMatchObject({ code: 'INVALID_FILE' })
    }
  })

  test('an exported program cut off anywhere is refused', async () => {
    const bytes = readFileSync(shared('golden/models/mlp/model.pt2'))
    for (let length = 0; length < bytes.length; length += 1000) {
      const path = write('cut.pt2', bytes.subarray(0, length))
      await expect(importPt2(path)).rejects.toMatchObject({ code: 'INVALID_FILE' })
    }
  })
})
