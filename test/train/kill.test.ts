import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, jest, test } from '@jest/globals'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { packageRoot } from '../../src/core/paths.js'
import { runOrKill } from '../kill.js'
import { loadParts } from '../../src/model/save.js'
import { readSafetensors } from '../../src/model/import/safetensors.js'

jest.setTimeout(600_000)

/** LRP_NATIVE_KILLS=20 for the long form. */
const KILLS = Number(process.env.LRP_NATIVE_KILLS ?? 5)
const root = mkdtempSync(join(tmpdir(), 'lrp-kill-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Trains to the end, or is killed after this number of its lines; the lines it printed. */
function run(name: string, how: string, killAfter?: number): Promise<string[]> {
  const script = join(packageRoot, 'test', 'train', 'killed.mjs')
  return runOrKill(script, [join(packageRoot, 'dist'), root, name, how], killAfter)
}

test(`a run killed ${KILLS} times and resumed ends in the bits of one that was not`, async () => {
  const whole = (await run('whole', 'start')).at(-1)
  const random = xoroshiro128plus(Date.now())
  const folder = join(root, 'killed')
  let lines: string[] = []
  for (let i = 0; i <= KILLS; i++) {
    const begun = existsSync(join(folder, 'experiment.json'))
    if (!begun) rmSync(folder, { recursive: true, force: true })
    if (existsSync(join(folder, 'model.json'))) await loadParts(folder)
    const checkpoint = join(folder, 'checkpoints', 'last.safetensors')
    if (existsSync(checkpoint)) await readSafetensors(checkpoint)
    lines = await run('killed', begun ? 'resume' : 'start', i < KILLS ? uniformInt(random, 1, 4) : Infinity)
  }
  expect(lines.at(-1)).toBe(whole)
  for (const file of ['weights.safetensors', 'model.json']) {
    expect(readFileSync(join(folder, file)).equals(readFileSync(join(root, 'whole', file)))).toBe(true)
  }
  const last = (name: string): Promise<Map<string, { data: Uint8Array }>> =>
    readSafetensors(join(root, name, 'checkpoints', 'last.safetensors'))
  const [a, b] = [await last('whole'), await last('killed')]
  for (const [name, { data }] of a) {
    if (name !== 'state.json')
      expect([name, Buffer.from(data).equals(Buffer.from(b.get(name)!.data))]).toEqual([name, true])
  }
  expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
})
