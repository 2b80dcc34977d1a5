import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, jest, test } from '@jest/globals'
import { packageRoot } from '../../src/core/paths.js'

jest.setTimeout(600_000)

test('the units of the C++ side do what they say', () => {
  const folder = join(packageRoot, 'build', 'native')
  execFileSync('cmake', ['--build', folder, '--target', 'units'], { stdio: ['ignore', 'ignore', 'inherit'] })
  const { stdout, status } = spawnSync(join(folder, 'test', 'native', 'units'), ['--no-colors'], { encoding: 'utf8' })
  expect(stdout).toMatch(/Status: SUCCESS!/)
  expect(status).toBe(0)
})
