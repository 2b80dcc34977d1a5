import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
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
    await expect(asking('models.resnet')).rejects.toThrow(/save net\.state_dict\(\), or export it to \.pt2/)
    const photo = importModel('photo.JPG')
    await expect(photo).rejects.toThrow(
      'looks like an image and not like a model: give a model, and the image with --input'
    )
    const { message } = (await importModel(join(folder, 'asking.pt')).catch((error: unknown) => error)) as Error
    expect(message).toMatch(/state_dict/) // and not that it needs an architecture
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
