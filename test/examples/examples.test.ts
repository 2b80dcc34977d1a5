import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, jest, test } from '@jest/globals'
import { packageRoot } from '../../src/core/paths.js'

jest.setTimeout(600_000)

const folder = join(packageRoot, 'examples')

test.each(readdirSync(folder).filter((name) => name.endsWith('.mjs')))('%s runs', (name) => {
  const output = execFileSync(process.execPath, [join(folder, name), mkdtempSync(join(tmpdir(), 'lrp-example-'))], {
    encoding: 'utf8'
  })
  expect(output.length).toBeGreaterThan(20)
})

test('require finds the same functions as import', () => {
  const script =
    "const { explain, train, Model } = require('lrp-native'); process.stdout.write([explain, train, Model].map((f) => typeof f).join())"
  expect(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', cwd: packageRoot })).toBe(
    'function,function,function'
  )
})
