import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, jest, test } from '@jest/globals'
import sharp from 'sharp'
import { packageRoot } from '../../src/core/paths.js'

jest.setTimeout(600_000)

const folder = join(packageRoot, 'examples')
const temporary = (): string => mkdtempSync(join(tmpdir(), 'lrp-example-'))
const run = (command: string, ...args: string[]): string => execFileSync(command, args, { encoding: 'utf8' })
const node = (name: string, ...args: string[]): string => run(process.execPath, join(folder, name), ...args)

test('own-network.mjs prints the relevance of every layer', () => {
  expect(node('own-network.mjs')).toMatch(/conv1: relevance -?[\d.]+ received, -?[\d.]+ propagated/)
})

test('remove-features.mjs compares three rules', () => {
  expect(node('remove-features.mjs', temporary()).match(/^\w+: confidence 0\.\d{3} without/gm)).toHaveLength(3)
})

test('explain-many-images.mjs says how concentrated the relevance of each class is', () => {
  const printed = node('explain-many-images.mjs', temporary())
  expect(printed).toMatch(/^\d+ images explained$/m)
  expect(printed.match(/^class \d: the strongest 5 % of the pixels contain \d+ % of the relevance$/gm)).toHaveLength(10)
})

test('plant-artefact.mjs writes class folders with marked images', async () => {
  const written = join(temporary(), 'planted')
  node('plant-artefact.mjs', written)
  expect(readdirSync(written)).toEqual(['test', 'train', 'valid'])
  const first = await sharp(join(written, 'train', '8', readdirSync(join(written, 'train', '8'))[0]!))
    .toColourspace('b-w')
    .raw()
    .toBuffer()
  expect([first[0], first[1], first[8], first[9]]).toEqual([255, 255, 255, 255])
})

describe('with a trained network', () => {
  let experiments = ''
  let trained = ''
  beforeAll(() => {
    experiments = temporary()
    trained = node('train-and-explain.mjs', experiments)
  })

  test('train-and-explain.mjs explains four images', () => {
    expect(trained.match(/^image \d+: explained class \d, conservation error/gm)).toHaveLength(4)
  })

  test('web-service.mjs answers with a class and with a map, and refuses what is not an image', async () => {
    const service = spawn(process.execPath, [join(folder, 'web-service.mjs'), join(experiments, 'example'), '0', '2'])
    try {
      const address = await new Promise<string>((resolve, reject) => {
        service.stdout.on('data', (chunk: Buffer) => resolve(/http:\S+/.exec(String(chunk))![0]))
        service.stderr.on('data', (chunk: Buffer) => reject(new Error(String(chunk))))
      })
      const image = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#888' } })
        .png()
        .toBuffer()
      const post = (path: string, body: Buffer): Promise<Response> =>
        fetch(`${address}${path}`, { method: 'POST', body: new Uint8Array(body) })
      const answers = await Promise.all([1, 2, 3].map(() => post('/explain', image)))
      for (const answer of answers) expect(await answer.json()).toMatchObject({ class: expect.stringMatching(/^\d$/) })
      const map = await sharp(Buffer.from(await (await post('/map.png', image)).arrayBuffer())).metadata()
      expect([map.format, map.width, map.height]).toEqual(['png', 8, 8])
      const broken = await post('/explain', Buffer.from('no image'))
      expect([broken.status, await broken.json()]).toEqual([400, { error: expect.stringContaining('not a readable') }])
      expect((await post('/other', image)).status).toBe(404)
      expect((await post('/explain', Buffer.alloc(10_000_001))).status).toBe(413)
    } finally {
      service.kill()
    }
  })

  test('read_results.py reads both formats with the standard library alone', () => {
    const model = join(experiments, 'example')
    const cli = (...args: string[]): string =>
      run(process.execPath, join(packageRoot, 'dist', 'cli', 'main.js'), ...args)
    const lines = (format: string): string[] => {
      const output = join(experiments, format)
      cli('explain', model, '--rule', 'epsilon', '--limit', '3', '--format', format, '--output', output, '--quiet')
      return run('python3', join(folder, 'python', 'read_results.py'), output)
        .trim()
        .split('\n')
    }
    const script = join(folder, 'python', 'read_results.py')
    expect(() => run('python3', script)).toThrow('usage: python read_results.py FOLDER')
    const npy = lines('npy')
    expect(npy).toHaveLength(3)
    expect(npy[0]).toMatch(/^\d+: class \d, confidence [01]\.\d{3}, strongest pixel at row [0-7], column [0-7]$/)
    expect(lines('npz')).toEqual(npy)
    expect(existsSync(join(experiments, 'npz', 'relevance.npy'))).toBe(false)
  })
})

test('require finds the same functions as import', () => {
  const script =
    "const { explain, train, Model } = require('lrp-native'); process.stdout.write([explain, train, Model].map((f) => typeof f).join())"
  expect(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', cwd: packageRoot })).toBe(
    'function,function,function'
  )
})

test('every program is run by a test here', () => {
  const source = readFileSync(join(packageRoot, 'test', 'examples', 'examples.test.ts'), 'utf8')
  const programs = [...readdirSync(folder), ...readdirSync(join(folder, 'python'))].filter((name) =>
    /\.(mjs|py)$/.test(name)
  )
  expect(programs.filter((name) => !source.includes(`'${name}`))).toEqual([])
})
