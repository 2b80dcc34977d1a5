import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { ioError, makeFolder, writeAtomic } from '../../src/core/files.js'
import { LrpError } from '../../src/core/errors.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lrp-files-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('folders are made with those above them, and one that cannot be made is named', async () => {
  const deep = join(folder, 'a', 'b', 'c')
  await Promise.all([makeFolder(deep), makeFolder(deep), makeFolder(join(folder, 'a', 'd'))])
  expect(readdirSync(join(folder, 'a')).sort()).toEqual(['b', 'd'])
  writeFileSync(join(folder, 'file'), '')
  await expect(makeFolder(join(folder, 'file', 'x'))).rejects.toMatchObject({ code: 'IO' })
  if (process.platform === 'linux')
    await expect(makeFolder('/proc/lrp/x')).rejects.toThrow(/cannot make the folder \/proc\/lrp\/x/)
})

describe('writeAtomic', () => {
  test('writes text, bytes and parts', async () => {
    const path = join(folder, 'a')
    await writeAtomic(path, 'text')
    expect(readFileSync(path, 'utf8')).toBe('text')
    await writeAtomic(path, [Uint8Array.of(97), 'b'])
    expect(readFileSync(path, 'utf8')).toBe('ab')
    expect(readdirSync(folder)).toEqual(['a'])
  })

  test('a failure half way leaves the old file whole and nothing beside it', async () => {
    const path = join(folder, 'a')
    writeFileSync(path, 'old')
    function* parts(): Iterable<string> {
      yield 'new'
      throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
    }
    await expect(writeAtomic(path, parts())).rejects.toMatchObject({
      code: 'IO',
      message: `cannot write ${path}: the disk is full`
    })
    expect(readFileSync(path, 'utf8')).toBe('old')
    expect(readdirSync(folder)).toEqual(['a'])
  })

  test('what a killed process left half written is removed, and nothing else', async () => {
    const { pid } = spawnSync('true')
    const others = [`.a.${process.pid}.0123abcd.tmp`, '.a.tmp', '.relevance.npy.partial', 'a.1.0123abcd.tmp']
    for (const name of [`.a.${pid}.0123abcd.tmp`, ...others]) writeFileSync(join(folder, name), '')
    await writeAtomic(join(folder, 'b'), '')
    expect(readdirSync(folder).sort()).toEqual([...others, 'b'].sort())
  })

  test('a path that cannot be written is named', async () => {
    mkdirSync(join(folder, 'taken', 'x'), { recursive: true })
    writeFileSync(join(folder, 'file'), '')
    for (const path of [join(folder, 'taken'), join(folder, 'file', 'below')]) {
      await expect(writeAtomic(path, 'x')).rejects.toMatchObject({ code: 'IO', message: expect.stringContaining(path) })
    }
    await expect(writeAtomic(join(folder, 'no', 'x'), 'x')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(makeFolder(join(folder, 'file', 'below'))).rejects.toMatchObject({ code: 'IO' })
  })
})

test('errors of ours pass through; those of the system get a sentence', () => {
  const ours = new LrpError('NUMERIC', 'x')
  expect(ioError(ours, 'what')).toBe(ours)
  const denied = ioError(Object.assign(new Error('EACCES'), { code: 'EACCES' }), 'cannot write a')
  expect([denied.code, denied.message]).toEqual(['IO', 'cannot write a: permission denied'])
})
