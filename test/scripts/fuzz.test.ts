import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { packageRoot } from '../../src/core/paths.js'

test.each([
  ['fuzz-graphs.mjs', ['--graphs', '400', '--first', '1000000'], /^400 graphs: \d+ explained/],
  ['fuzz-importers.mjs', ['--files', '150'], /^\d+ damaged files loaded, \d+ were refused\n/]
])('%s: what is made at random is computed or refused in a sentence', (script, args, wanted) => {
  const path = join(packageRoot, 'scripts', script)
  const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...args], { encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toMatch(wanted)
})
