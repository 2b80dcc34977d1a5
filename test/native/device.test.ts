import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { native } from '../../src/native/addon.js'
import { packageRoot } from '../../src/core/paths.js'

jest.setTimeout(600_000)

const folder = mkdtempSync(join(tmpdir(), 'lrp-driver-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const { available, reason = '' } = native().enableCuda()
const withoutCuda = available ? describe.skip : describe

withoutCuda(`a machine without CUDA${available ? ' (skipped: this one has it)' : ''}`, () => {
  beforeAll(() => {
    execFileSync('c++', ['-shared', '-x', 'c', '/dev/null', '-o', join(folder, 'libcuda.so.1')])
  })

  /** The command line, beside something that calls itself the driver. */
  function withDriver(...args: string[]): { status: number | null; stderr: string } {
    const env = { ...process.env, LRP_NATIVE_DEVICE: '', LD_LIBRARY_PATH: folder }
    const line = [join(packageRoot, 'dist', 'cli', 'main.js'), ...args]
    return spawnSync(process.execPath, line, { cwd: folder, env, encoding: 'utf8' })
  }

  test('says so where CUDA is asked for, and computes on the CPU by default', () => {
    expect(reason).toMatch(/no NVIDIA driver|CUDA/)
    const args = ['train', '--epochs', '1', '--hidden-size', '4', '--quiet']
    const { status, stderr } = withDriver(...args, '--device', 'cuda')
    expect(status).toBe(1)
    expect(stderr).toMatch(/^lrp-native: CUDA cannot be used \(.*\): .*--device cpu.*\n$/)
  })

  test('with a driver, but without the libraries, a command says how to enable it and continues', () => {
    const { status, stderr } = withDriver('train', '--epochs', '1', '--hidden-size', '4')
    expect(status).toBe(0)
    if (!/CUDA library does not load/.test(stderr)) return // this libtorch has its CUDA libraries
    expect(stderr).toMatch(/note: the GPU is not used: .*; run "npx lrp-native doctor --libtorch cu130" to enable it/)
    expect(withDriver('train', '--epochs', '1', '--device', 'cpu').stderr).not.toMatch(/GPU/)
  })
})
