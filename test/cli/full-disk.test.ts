import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { Disk, describeDisk } from '../mounts.js'
import { cli } from './run.js'

jest.setTimeout(600_000)

const root = mkdtempSync(join(tmpdir(), 'lrp-full-'))
const model = join(root, 'mlp-digits')
const network = join(root, 'lenet-digits')
beforeAll(async () => {
  for (const more of [[], ['--model', 'lenet']])
    expect((await cli('train', '--epochs', '1', '--experiments', root, '--quiet', ...more)).status).toBe(0)
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Command lines that write into a folder, what they leave there, and what continues them. */
const COMMANDS: Record<string, { args: (to: string) => string[]; left: string; again?: (to: string) => string[] }> = {
  explain: {
    args: (to) => ['explain', model, '--limit', '20', '--format', 'npy,png,npz,html', '--output', join(to, 'out')],
    left: 'out/explain.json'
  },
  evaluate: {
    args: (to) => ['evaluate', model, '--limit', '4', '--rules', 'epsilon,random', '--output', join(to, 'out')],
    left: 'out/evaluation.json'
  },
  train: {
    args: (to) => ['train', '--epochs', '2', '--experiments', to],
    left: 'mlp-digits/test/metrics.json',
    again: (to) => ['train', '--resume', 'mlp-digits', '--experiments', to]
  },
  convert: { args: (to) => ['convert', model, '--output', join(to, 'out')], left: 'out/weights.safetensors' },
  export: { args: (to) => ['export', model, '--output', join(to, 'net.onnx')], left: 'net.onnx' },
  report: { args: (to) => ['report', model, '--output', join(to, 'report.html')], left: 'report.html' },
  audit: { args: (to) => ['audit', model, '--limit', '40', '--output', join(to, 'out')], left: 'out/audit.json' },
  concepts: {
    args: (to) => ['concepts', network, '--limit', '20', '--output', join(to, 'out')],
    left: 'out/concepts.json'
  },
  'remove-features': {
    args: (to) => ['remove-features', model, '--limit', '3', '--output', join(to, 'out')],
    left: 'out/removal.json'
  },
  'fit-patterns': {
    args: (to) => ['fit-patterns', model, '--limit', '50', '--output', join(to, 'p.safetensors')],
    left: 'p.safetensors'
  },
  test: { args: (to) => ['test', model, '--output', join(to, 'out')], left: 'out/metrics.json' }
}
const commands = Object.keys(COMMANDS)

/** One sentence that names a path below a folder and gives the reason, with status 1. */
function expectRefused({ status, err }: { status: number; err: string }, folder: string, reason: string): void {
  expect(err).toMatch(/^lrp-native: cannot (write|make the folder|lock) \S+: [^\n]+\n$/)
  expect(err).toContain(folder)
  expect(err.trimEnd().endsWith(`: ${reason}`)).toBe(true)
  expect(status).toBe(1)
}

/** Temporary files. (What a stopped run leaves for the next has other names here.) */
function leftovers(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(tmp|partial)$/.test(name))
}

describeDisk('a full disk', () => {
  let disk: Disk
  beforeEach(() => {
    disk = Disk.make(4)!
    writeFileSync(join(disk.folder, 'other'), 'kept')
  })
  afterEach(() => disk.remove())

  test.each(commands)('%s: one sentence, and with room again the same command ends well', async (name) => {
    const { args, left, again = args } = COMMANDS[name]!
    let failures = 0
    for (const kilobytes of [4, 8, 16, 32, 64, 128, 256, 512]) {
      disk.resize(kilobytes)
      const isBegun = existsSync(join(disk.folder, 'mlp-digits', 'experiment.json'))
      const result = await cli(...(isBegun ? again : args)(disk.folder), '--quiet')
      expect(readFileSync(join(disk.folder, 'other'), 'utf8')).toBe('kept')
      expect(leftovers(disk.folder)).toEqual([])
      if (result.status === 0) break
      expectRefused(result, disk.folder, 'the disk is full')
      failures++
    }
    expect(failures).toBeGreaterThan(0)
    disk.resize(65536)
    const isBegun = existsSync(join(disk.folder, 'mlp-digits', 'experiment.json'))
    const { status, err } = await cli(...(isBegun ? again : args)(disk.folder), '--quiet')
    expect([status, err]).toEqual([0, ''])
    expect(existsSync(join(disk.folder, left))).toBe(true)
    const files = readdirSync(disk.folder, { recursive: true, encoding: 'utf8' })
    // a finished audit keeps what it found, to write more of it
    expect(files.filter((one) => /(^|\/)\.(?!audit\.(jsonl|f32)$)/.test(one))).toEqual([])
  })

  test('what was there before stays whole', async () => {
    disk.resize(65536)
    const { args } = COMMANDS.convert!
    expect((await cli(...args(disk.folder), '--quiet')).status).toBe(0)
    const weights = join(disk.folder, 'out', 'weights.safetensors')
    const before = readFileSync(weights)
    writeFileSync(join(disk.folder, 'fills'), Buffer.alloc(1 << 20))
    disk.resize(1100)
    expectRefused(await cli(...args(disk.folder), '--quiet'), disk.folder, 'the disk is full')
    expect(readFileSync(weights).equals(before)).toBe(true)
  })
})

/** Runs every command into a folder that takes nothing. */
function refusing(folder: () => string, reason: string): void {
  test.each(commands)('%s', async (name) => {
    const before = readdirSync(folder())
    expectRefused(await cli(...COMMANDS[name]!.args(folder()), '--quiet'), folder(), reason)
    expect(readdirSync(folder())).toEqual(before)
  })
}

describeDisk('a file system that is read-only', () => {
  let disk: Disk
  beforeAll(() => {
    disk = Disk.make(64)!
    writeFileSync(join(disk.folder, 'other'), 'kept')
    disk.lock()
  })
  afterAll(() => disk.remove())
  refusing(() => disk.folder, 'the file system is read-only')
})

const isRoot = process.getuid?.() === 0
const describeUser = isRoot ? describe.skip : describe
describeUser(`a folder without permission to write${isRoot ? ' (skipped: root may write everywhere)' : ''}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'lrp-denied-'))
  beforeAll(() => chmodSync(folder, 0o555))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  refusing(() => folder, 'permission denied')
})
