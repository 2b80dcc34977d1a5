import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, jest, test } from '@jest/globals'
import { packageRoot } from '../../src/core/paths.js'

jest.setTimeout(600_000)

const root = mkdtempSync(join(tmpdir(), 'lrp-end-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const run = (how: string): ReturnType<typeof spawnSync> => {
  const script = join(packageRoot, 'test', 'train', 'ended.mjs')
  return spawnSync(process.execPath, [script, join(packageRoot, 'dist'), root, how], {
    encoding: 'utf8',
    timeout: 60_000
  })
}

test('a worker that is terminated ends its run, and the process lives on', () => {
  expect(run('worker')).toMatchObject({ status: 0, stdout: 'ended\n' })
})

test('process.exit does not wait for the run', () => {
  expect(run('exit')).toMatchObject({ status: 3, signal: null })
})
