import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { spawnSync } from 'node:child_process'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  createExperiment,
  Experiment,
  listExperiments,
  newestExperiment,
  openExperiment
} from '../../src/experiment/experiment.js'
import { isLrpError } from '../../src/core/errors.js'

let base = ''
let root = ''
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'lrp-experiments-'))
  root = join(base, 'experiments')
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

/** An experiment whose run has ended. */
const create = async (name: string, mayEmpty = true): Promise<Experiment> => {
  const made = await createExperiment(name, { command: { epochs: 3 }, versions: {} }, root, mayEmpty)
  made.release()
  return made
}

describe('names of experiments', () => {
  test('a taken name gets _1, _2, ...', async () => {
    const names = [await create('mlp'), await create('mlp'), await create('mlp')].map(({ name }) => name)
    expect(names).toEqual(['mlp', 'mlp_1', 'mlp_2'])
  })

  test('several at once never share a folder', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => create('mlp')))
    expect(new Set(made.map(({ folder }) => folder)).size).toBe(8)
  })

  test.each([
    '',
    '.',
    '..',
    '../mlp',
    'a/b',
    'a\\b',
    '/tmp/x',
    '.hidden',
    'a..b',
    'a\0b',
    '-x',
    'x'.repeat(101),
    'a\nb'
  ])('%j is refused, and nothing is made', async (name) => {
    await expect(create(name)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(existsSync(root)).toBe(false)
  })

  test('whatever the name, nothing is made outside the root', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 12 }), async (name) => {
        const made = await create(name).catch((error: unknown) => {
          if (!isLrpError(error)) throw error
        })
        if (made) expect(readdirSync(root)).toContain(made.name)
        expect(readdirSync(base).filter((entry) => entry !== 'experiments')).toEqual([])
      }),
      { numRuns: 50 }
    )
  })
})

describe('names containing dev', () => {
  test('are emptied and used again', async () => {
    const first = await create('my-dev')
    mkdirSync(first.path('charts'))
    writeFileSync(first.path('charts', 'loss.png'), 'old')
    const second = await create('my-dev')
    expect(second.name).toBe('my-dev')
    expect(readdirSync(second.folder)).toEqual(['experiment.json'])
  })

  test('are not emptied while a run holds them, nor where the user did not give the name', async () => {
    const first = await create('my-dev')
    first.hold()
    expect(() => new Experiment(first.folder, first.manifest).hold()).toThrow(/in use: another run/)
    expect((await create('my-dev')).name).toBe('my-dev_1')
    first.release()
    expect(await create('my-dev', false)).toMatchObject({ name: 'my-dev_2', emptied: false })
    expect(await create('my-dev')).toMatchObject({ name: 'my-dev', emptied: true })
  })

  test('are emptied though a run that was killed held them', async () => {
    const first = await create('dev')
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    writeFileSync(first.path('.lock-1'), JSON.stringify({ pid, host: hostname() }))
    expect((await create('dev')).name).toBe('dev')
    expect(readdirSync(first.folder)).toEqual(['experiment.json'])
    writeFileSync(first.path('.lock-1'), JSON.stringify({ pid, host: `not-${hostname()}` }))
    expect((await create('dev')).name).toBe('dev_1')
  })

  test('never empty a folder that is no experiment of ours', async () => {
    for (const manifest of [undefined, '{}', '{"format":"another"}', 'no json']) {
      const folder = join(root, 'dev')
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'thesis.txt'), 'precious')
      if (manifest) writeFileSync(join(folder, 'experiment.json'), manifest)
      expect((await create('dev')).name).not.toBe('dev')
      expect(readFileSync(join(folder, 'thesis.txt'), 'utf8')).toBe('precious')
      rmSync(root, { recursive: true })
    }
  })

  test('never go through a symbolic link, not even to an experiment', async () => {
    const other = await createExperiment('other', { command: {}, versions: {} }, join(base, 'elsewhere'))
    writeFileSync(other.path('weights'), 'precious')
    mkdirSync(root)
    symlinkSync(other.folder, join(root, 'dev'))
    expect((await create('dev')).name).toBe('dev_1')
    expect(readFileSync(other.path('weights'), 'utf8')).toBe('precious')
  })

  test('remove links inside, not what they lead to', async () => {
    const outside = join(base, 'outside')
    mkdirSync(outside)
    writeFileSync(join(outside, 'file'), 'precious')
    const first = await create('dev')
    symlinkSync(outside, first.path('link'))
    await create('dev')
    expect(existsSync(first.path('link'))).toBe(false)
    expect(readFileSync(join(outside, 'file'), 'utf8')).toBe('precious')
  })

  test('do not trust a manifest that is a link', async () => {
    const other = await create('other')
    mkdirSync(join(root, 'dev'))
    writeFileSync(join(root, 'dev', 'thesis.txt'), 'precious')
    symlinkSync(other.path('experiment.json'), join(root, 'dev', 'experiment.json'))
    expect((await create('dev')).name).toBe('dev_1')
  })
})

describe('opening experiments', () => {
  test('what was recorded is found again, by name and by folder', async () => {
    const made = await create('mlp')
    await made.record({ results: { accuracy: 0.97 } })
    for (const name of ['mlp', made.folder]) {
      const { manifest } = await openExperiment(name, root)
      expect(manifest).toMatchObject({ command: { epochs: 3 }, results: { accuracy: 0.97 } })
    }
    expect(readdirSync(made.folder)).toEqual(['experiment.json'])
  })

  test('the newest is the one created last', async () => {
    for (const [name, created] of [
      ['a', '2026-01-02'],
      ['b', '2026-01-03'],
      ['c', '2026-01-01']
    ] as const) {
      await (await create(name)).record({ created })
    }
    expect(listExperiments(root)).toEqual(['b', 'a', 'c'])
    expect((await newestExperiment(root)).name).toBe('b')
  })

  test('none, an unknown name and a damaged one are told apart', async () => {
    await expect(newestExperiment(root)).rejects.toThrow(
      /run "npx lrp-native train" first, or pass a model file or folder$/
    )
    await expect(openExperiment('mlp', root)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const { folder } = await create('mlp-digits')
    await expect(openExperiment('mlp-digit', root)).rejects.toThrow("did you mean 'mlp-digits'?")
    mkdirSync(join(root, 'other'), { recursive: true })
    for (const name of ['other', join(root, 'other')])
      await expect(openExperiment(name, root)).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: `${join(root, 'other')} is not an experiment: it has no experiment.json`
      })
    writeFileSync(join(folder, 'experiment.json'), '{"format":')
    await expect(openExperiment('mlp-digits', root)).rejects.toMatchObject({ code: 'INVALID_FILE' })
    expect(listExperiments(root)).toEqual([])
  })

  test('a root that is a file is an error that names it', async () => {
    writeFileSync(root, '')
    await expect(create('mlp')).rejects.toMatchObject({ code: 'IO', message: expect.stringContaining(root) })
  })
})
