import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { CliContext } from '../../src/cli/context.js'
import { run } from '../../src/cli/program.js'
import { ownData } from '../../src/data/for-model.js'
import type { Model } from '../../src/model/model.js'
import { cli } from './run.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lrp-cli-data-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('lrp-native data', () => {
  test('lists the data sets', async () => {
    const { status, out } = await cli('data')
    expect(status).toBe(0)
    for (const name of ['digits', 'mnist', 'cifar10', 'folder', 'csv', 'npy']) expect(out).toContain(`${name} `)
  })

  test('inspect counts the shipped digits and writes a sheet of them', async () => {
    const sheet = join(folder, 'sheet.png')
    const { status, out } = await cli('data', 'inspect', '--json', '--output', sheet)
    expect(status).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ name: 'digits', imageShape: [1, 8, 8], splits: { test: { images: 359 } } })
    expect((await sharp(sheet).metadata()).format).toBe('png')
  })

  test('inspect names the sizes of files, and ten of those left out', async () => {
    const rows = Array.from({ length: 13 }, (_, i) => `gone-${i}.png,a`)
    for (const [name, side] of [
      ['small', 4],
      ['large', 9]
    ] as const) {
      await sharp({ create: { width: side, height: side + 1, channels: 3, background: '#123' } }).toFile(
        join(folder, `${name}.png`)
      )
      rows.unshift(`${name}.png,a`)
    }
    writeFileSync(join(folder, 'broken.png'), 'no image')
    writeFileSync(join(folder, 'list.csv'), [...rows, 'broken.png,a'].join('\n'))
    const args = ['--data-path', join(folder, 'list.csv'), '--valid-split', '0', '--test-split', '0']
    const { status, out } = await cli('data', 'inspect', ...args, '--image-size', '6')
    expect(status).toBe(0)
    expect(out).toContain('1 class, images of different sizes (5x4 to 10x9) resized to 3x6x6')
    expect(out).toContain('1 unreadable and 13 missing images skipped:')
    expect(out.match(/gone-\d+\.png \(missing\)$/gm)).toHaveLength(10)
    expect(out).toMatch(/^and 4 more$/m)
    const train = ['--epochs', '1', '--experiments', folder, '--hidden-size', '4']
    const { err } = await cli('train', ...args, '--image-size', '6', ...train)
    expect(err).toContain('images of different sizes (5x4 to 10x9) resized to 3x6x6; train 2 (2 per class)')
    expect(err).toContain('note: 1 unreadable and 13 missing images skipped')
  })

  test('inspect ends with 130 when it is stopped', async () => {
    const stop = new AbortController()
    stop.abort()
    const [out, err] = [new PassThrough(), new PassThrough()]
    expect(await run(['data', 'inspect'], new CliContext(out, err, stop.signal))).toBe(130)
    expect([out.read(), String(err.read())]).toEqual([null, 'lrp-native: the work was stopped on request\n'])
  })

  test('inspect prints a table for people', async () => {
    const { out } = await cli('data', 'inspect')
    expect(out).toMatch(/^all +1258 +180 +359$/m)
    expect(out).toMatch(/SHA-256 [0-9a-f]{64}/)
  })

  test.each([
    [['data', 'inspect', '--data', 'digit'], 2, "did you mean 'digits'?"],
    [['data', 'inspect', '--data-path', 'no/such/folder'], 1, 'no/such/folder does not exist'],
    [
      ['data', 'inspect', '--split', 'all', '--output', 'x.png'],
      2,
      "--split must be one of train, valid, test, not 'all'"
    ],
    [['data', 'inspect', '--split', 'all'], 2, "--split must be one of train, valid, test, not 'all'"],
    [
      ['data', 'inspect', '--split', 'test'],
      2,
      '--split only selects the images of the contact sheet: pass --output too'
    ],
    [['data', 'inspect', '--output', 'x.jpg'], 2, "--output must be a file name that ends in .png, not 'x.jpg'"],
    [['data', 'inspect', '--device', 'gpu'], 2, "--device must be auto, cpu, cuda or cuda:N, not 'gpu'"],
    [['data', '--device', 'cuda:'], 2, '--device'],
    [['data', 'inspect', '--image-size', '0'], 2, '--image-size'],
    [['data', 'look'], 2, 'too many arguments']
  ])('%j is refused with one sentence', async (args, status, message) => {
    const result = await cli(...args)
    expect([result.status, result.out]).toEqual([status, ''])
    expect(result.err).toContain(message)
    expect(existsSync('x.png')).toBe(false)
  })
})

test("an experiment's own data is split as it was for training, whatever the seed now", () => {
  const model = { experiment: { manifest: { command: { dataPath: 'flowers', seed: 5, validSplit: 0.2 } } } }
  const dataOf = (options: object): object => ownData(model as unknown as Model, options)
  const splits = { dataPath: 'flowers', splitSeed: 5, validSplit: 0.2, testSplit: 0.1 }
  expect(dataOf({ seed: 9 })).toEqual({ ...splits, seed: 9 })
  expect(dataOf({ dataPath: './flowers' })).toEqual({ ...splits, dataPath: './flowers' })
  expect(dataOf({ data: 'digits' })).toEqual({ data: 'digits' })
  expect(dataOf({ dataPath: 'birds' })).toEqual({ dataPath: 'birds' })
})
