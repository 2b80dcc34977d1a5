import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, jest, test } from '@jest/globals'
import { needsAddon } from '../../src/cli/commands/index.js'
import { Model } from '../../src/model/model.js'
import { node } from '../models.js'

jest.setTimeout(120_000)

const main = join(import.meta.dirname, '..', '..', 'dist', 'cli', 'main.js')
const root = mkdtempSync(join(tmpdir(), 'lrp-preload-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

async function run(args: string[], variables = {}): Promise<{ status: number; err: string }> {
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, ...variables } })
  let err = ''
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const [status] = (await once(child, 'close')) as [number]
  return { status, err }
}

test.each([
  [['explain', 'model.onnx'], true],
  [['explain', '--help'], false],
  [['train', '-h'], false],
  [['rules'], false],
  [['--version'], false],
  [['constructor'], false],
  [[], false]
])('%j needs the addon: %s', (args, needed) => {
  expect(needsAddon(args)).toBe(needed)
})

test('a command line that is wrong ends with status 2 while the addon is still being loaded', async () => {
  for (const { status, err } of await Promise.all([1, 2, 3, 4].map(() => run(['explain', '--nonsense'])))) {
    expect([status, err]).toEqual([2, `lrp-native: there is no flag '--nonsense'\n`])
  }
})

test('an addon that does not load is said once, by the command', async () => {
  const path = join(root, 'broken.node')
  writeFileSync(path, 'no library')
  const broken = { LRP_NATIVE_ADDON: path }
  const missing = `lrp-native: there is no experiment or file 'no-such-model'\n`
  expect(await run(['inspect', 'no-such-model'], broken)).toEqual({ status: 1, err: missing })
  const graph = { inputShape: [null, 2], nodes: [node('r', 'relu', ['input'])], output: 'r' }
  using model = await Model.create({ name: 'small', graph, tensors: new Map() }, 'cpu')
  await model.save(join(root, 'model'))
  const { status, err } = await run(['inspect', join(root, 'model'), '--threads', '1'], broken)
  expect(status).toBe(1)
  expect(err).toMatch(
    /^lrp-native: the native addon does not load \(.*broken\.node: .*\): run "npx lrp-native doctor"\n$/
  )
})
