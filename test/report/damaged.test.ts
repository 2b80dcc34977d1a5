import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { cli } from '../cli/run.js'

jest.setTimeout(300_000)

const root = mkdtempSync(join(tmpdir(), 'lrp-damaged-'))
const flags = ['--experiments', root, '--quiet']
beforeAll(async () => {
  for (const command of [
    ['train', '--epochs', '1', '--experiment-name', 'one'],
    ['explain', '--rule', 'epsilon', '--limit', '2'],
    ['evaluate', '--rules', 'epsilon,random', '--limit', '2'],
    ['remove-features', '--rule', 'epsilon', '--limit', '2', '--pictures', '1'],
    ['report']
  ])
    expect(await cli(...command, ...flags)).toMatchObject({ status: 0 })
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const FILES = [
  'experiment.json',
  'history.csv',
  'test/metrics.json',
  'explanations/epsilon/explain.json',
  'evaluation/evaluation.json',
  'feature_removal/epsilon/removal.json'
]

/** Half a file, no file of JSON, and JSON of another shape. */
const DAMAGE: Record<string, (text: string) => string> = {
  cut: (text) => text.slice(0, text.length / 2 - 1),
  empty: () => '',
  null: () => 'null',
  list: () => '[]',
  object: () => '{}',
  'other types': (text) => text.replace(/: (\[|\{)[^]*$/, ': 3}').replace(/^epoch/, 'other')
}

test.each(FILES.flatMap((file) => Object.keys(DAMAGE).map((how) => [file, how] as const)))(
  'a damaged %s (%s) is named',
  async (file, how) => {
    const path = join(root, 'one', file)
    const text = readFileSync(path, 'utf8')
    try {
      writeFileSync(path, DAMAGE[how]!(text))
      const { status, err } = await cli('report', join(root, 'one'), ...flags)
      expect(err).toMatch(/^lrp-native: [^\n]+\n$/)
      expect(err).toContain(path)
      expect(status).toBe(1)
    } finally {
      writeFileSync(path, text)
    }
  }
)

test('without names, all experiments are collected; one that cannot be read is left out with a note', async () => {
  for (const name of ['two', 'three']) cpSync(join(root, 'one'), join(root, name), { recursive: true })
  const damaged = join(root, 'two', 'test', 'metrics.json')
  writeFileSync(damaged, '')
  try {
    const { status, out, err } = await cli('report', '--experiments', root)
    expect({ status, out }).toEqual({
      status: 0,
      out: `collected 2 experiments\nreport: ${join(root, 'report.html')}\n`
    })
    expect(err).toMatch(/^note: skipped: [^\n]+\n$/)
    expect(err).toContain(damaged)
    const { experiments } = JSON.parse(readFileSync(join(root, 'report.json'), 'utf8')) as {
      experiments: { name: string }[]
    }
    expect(experiments.map(({ name }) => name).sort()).toEqual(['one', 'three'])
    expect(existsSync(join(root, 'one', 'report.html'))).toBe(false)
  } finally {
    for (const name of ['two', 'three']) rmSync(join(root, name), { recursive: true })
  }
})
