import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { LineLog } from '../../src/core/journal.js'

const folder = mkdtempSync(join(tmpdir(), 'lrp-line-log-'))
const path = join(folder, 'log.jsonl')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('nothing counts behind a damaged or a cut line, which are gone when the log is opened', async () => {
  for (const damaged of ['key\n1\n{"a\n3\n', 'key\n1\n2']) {
    writeFileSync(path, damaged)
    const { log, done } = await LineLog.open<number>(path, 'key')
    expect(done).toEqual([1])
    await log.add(4)
    expect(readFileSync(path, 'utf8')).toBe('key\n1\n4\n')
  }
  expect((await LineLog.open(path, 'another')).done).toEqual([])
  expect(readFileSync(path, 'utf8')).toBe('another\n')
})
