import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { removeEarlier } from '../../src/explain/earlier-files.js'
import { explainToFiles } from '../../src/explain/to-files.js'
import { buildArchitecture } from '../../src/model/architectures/index.js'
import { initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'

const root = mkdtempSync(join(tmpdir(), 'lrp-earlier-'))
const images = Array.from({ length: 5 }, (_, i) => join(root, `image${i}.png`))
let model: Model

beforeAll(async () => {
  model = await Model.create(await initialise(buildArchitecture('mlp', { classes: 3, imageShape: [1, 8, 8] }), 0))
  for (const [i, path] of images.entries())
    await sharp(Buffer.alloc(64, 40 * i), { raw: { width: 8, height: 8, channels: 1 } }).toFile(path)
})
afterAll(() => {
  model.dispose()
  rmSync(root, { recursive: true, force: true })
})

test('a folder holds the files of its last explanation, and what others put there', async () => {
  const output = join(root, 'out')
  const listed = (): string[] =>
    (JSON.parse(readFileSync(join(output, 'explain.json'), 'utf8')) as { files: string[] }).files
  await explainToFiles(model, { input: images, output, format: ['png', 'npy'], passSize: 2 })
  expect(listed().toSorted()).toEqual(
    readdirSync(output)
      .filter((name) => name !== 'explain.json')
      .toSorted()
  )
  expect(listed()).toContain('image4.png')
  writeFileSync(join(output, 'notes.txt'), 'mine')
  await explainToFiles(model, { input: images.slice(0, 2), output, format: ['png'] })
  expect(readdirSync(output).toSorted()).toEqual(['explain.json', 'image0.png', 'image1.png', 'notes.txt'])
})

test('a list in a damaged or foreign explain.json removes nothing outside the folder', async () => {
  const folder = join(root, 'foreign')
  mkdirSync(folder)
  writeFileSync(join(root, 'kept.txt'), '')
  symlinkSync(root, join(folder, 'link'))
  const files = ['../kept.txt', 'link/kept.txt', join(root, 'kept.txt'), 'missing.png', 'link']
  writeFileSync(join(folder, 'explain.json'), JSON.stringify({ files }))
  await removeEarlier(folder, { files: ['link'], settings: {} })
  expect(existsSync(join(root, 'kept.txt'))).toBe(true)
  writeFileSync(join(folder, 'explain.json'), '{ "files": [')
  await removeEarlier(folder, { files: [], settings: {} })
  expect(existsSync(join(root, 'kept.txt'))).toBe(true)
})

test('an earlier explanation with other settings is reported, one with other formats is not', async () => {
  const folder = join(root, 'settings')
  mkdirSync(folder)
  const write = (settings: object): void =>
    writeFileSync(join(folder, 'explain.json'), JSON.stringify({ files: [], settings }))
  const replaced = (settings: Record<string, string>): Promise<boolean> =>
    removeEarlier(folder, { files: [], settings })
  expect(await replaced({ rule: 'gamma' })).toBe(false)
  write({ rule: 'gamma', target: '3', format: 'png' })
  expect(await replaced({ target: '3', rule: 'gamma', format: 'npy' })).toBe(false)
  expect(await replaced({ target: '5', rule: 'gamma' })).toBe(true)
})
