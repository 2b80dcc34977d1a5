import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { dataOf } from '../../src/cli/shared-flags.js'
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

  test('inspect prints a table for people', async () => {
    const { out } = await cli('data', 'inspect')
    expect(out).toMatch(/^all +1258 +180 +359$/m)
    expect(out).toMatch(/SHA-256 [0-9a-f]{64}/)
  })

  test.each([
    [['data', 'inspect', '--data', 'digit'], 2, "did you mean 'digits'?"],
    [['data', 'inspect', '--data-path', 'no/such/folder'], 1, 'no/such/folder does not exist'],
    [['data', 'inspect', '--split', 'all', '--output', 'x.png'], 2, '--split'],
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
  const experiment = { manifest: { command: { dataPath: 'flowers', seed: 5, validSplit: 0.2 } } }
  const splits = { dataPath: 'flowers', splitSeed: 5, validSplit: 0.2, testSplit: 0.1 }
  expect(dataOf({ seed: 9 }, experiment)).toEqual({ ...splits, seed: 9 })
  expect(dataOf({ dataPath: './flowers' }, experiment)).toEqual({ ...splits, dataPath: './flowers' })
  expect(dataOf({ data: 'digits' }, experiment)).toEqual({ data: 'digits' })
  expect(dataOf({ dataPath: 'birds' }, experiment)).toEqual({ dataPath: 'birds' })
})
