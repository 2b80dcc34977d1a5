import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { freePort } from '../port.js'
import { packageRoot } from '../../src/core/paths.js'

jest.setTimeout(600_000)

/** What one process prints: native code of train/distributed/ over the library fake_nccl.cpp. */
interface Told {
  transport?: string
  floats?: number
  doubles?: number
  first?: number
  code?: string
  message?: string
}

const built = join(packageRoot, 'build', 'native', 'test', 'native')
const fake = join(built, 'fake_nccl.so')
const folder = mkdtempSync(join(tmpdir(), 'lrp-nccl-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

beforeAll(() => {
  const args = ['--build', join(packageRoot, 'build', 'native'), '--target', 'nccl_rank']
  execFileSync('cmake', args, { stdio: ['ignore', 'ignore', 'inherit'] })
}, 600_000)

async function together(
  size: number,
  env: Record<string, string> = {},
  library = fake,
  timeout = 20000
): Promise<Told[]> {
  const port = await freePort()
  const one = (rank: number): Promise<Told> =>
    new Promise((resolve, reject) => {
      const args = [rank, size, port, library, timeout].map(String)
      const child = spawn(join(built, 'nccl_rank'), args, { env: { ...process.env, FAKE_NCCL_FOLDER: folder, ...env } })
      let stdout = ''
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
      child.on('close', (code, signal) =>
        code === 0 || code === 1 ? resolve(JSON.parse(stdout) as Told) : reject(new Error(`ended by ${code ?? signal}`))
      )
    })
  return Promise.all(Array.from({ length: size }, (_, rank) => one(rank)))
}

/** Sums of {2,3} ones, of {2} tens, and of rank 0's {3} ones. */
const sums = (size: number): Told => {
  const all = (size * (size + 1)) / 2
  return { floats: 6 * all, doubles: 20 * all, first: 3 }
}

describe('tensors between processes', () => {
  test.each([2, 3])('pass over NCCL, %d processes', async (size) => {
    const told = await together(size)
    expect(told).toEqual(told.map(() => ({ transport: 'NCCL', ...sums(size) })))
  })

  test.each([
    ['no id', /^Gloo: rank 0 cannot use NCCL: the NCCL library reported: invalid usage$/],
    ['refuses 1', /^Gloo: .*; rank 1 cannot use NCCL: the NCCL library reported: invalid usage$/]
  ])('pass over Gloo on all of them where one cannot use NCCL: %s', async (FAKE_NCCL, reason) => {
    const told = await together(2, { FAKE_NCCL }, fake, 4000)
    expect(told).toEqual(told.map(() => ({ transport: expect.stringMatching(reason), ...sums(2) })))
  })

  test('pass over Gloo where there is no NCCL, or one without a function', async () => {
    const [missing] = await together(2, {}, join(built, 'missing.so'))
    expect(missing).toMatchObject({ transport: expect.stringMatching(/missing\.so: cannot open/), ...sums(2) })
    const [other] = await together(2, {}, 'libm.so.6')
    expect(other).toMatchObject({
      transport: expect.stringMatching(/the NCCL library has no function ncclGetUniqueId/),
      ...sums(2)
    })
  })

  test('that do not come end the wait of all others with PEER', async () => {
    const told = await together(2, { FAKE_NCCL: 'hangs' }, fake, 2000)
    for (const { code, message } of told) {
      expect(code).toBe('PEER')
      expect(message).toMatch(/^rank \d of 2 lost another process, or waited more than 2 s for it: /)
    }
  })
})
