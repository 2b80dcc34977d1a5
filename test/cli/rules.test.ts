import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import type { Evaluation } from '../../src/evaluate/results.js'
import type { RepeatedFiles } from '../../src/explain/again.js'
import type { ExplainSummary } from '../../src/explain/summary.js'
import { cli } from './run.js'

jest.setTimeout(300_000)

const root = mkdtempSync(join(tmpdir(), 'lrp-rules-'))
const experiments = ['--experiments', root]
const file = join(root, 'mine.json')
const rule = {
  name: 'mine',
  parameters: { gamma: 0.25, lift: 1 },
  shares: [{ terms: [{ factor: 'lift', weight: { all: 1, positive: 'gamma' } }] }]
}
beforeAll(async () => {
  writeFileSync(file, JSON.stringify(rule))
  const { status, err } = await cli('train', '--epochs', '1', ...experiments, '--quiet')
  expect([status, err]).toEqual([0, ''])
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const usage = async (...args: string[]): Promise<string> => {
  const { status, err } = await cli(...args, ...experiments, '--quiet')
  expect(status).not.toBe(0)
  return err.replace(/^lrp-native: |\n$/g, '')
}

describe('--rules', () => {
  test.each([
    ['explain --rules epsilon', "--rules takes a JSON file, but 'epsilon' is a built-in rule: pass it as --rule"],
    [
      'audit --rules deep-taylor',
      "--rules takes a JSON file, but 'deep-taylor' is a built-in composite: pass it as --composite"
    ],
    ['explain --rules epsilon,gamma', "--rules takes only one JSON file here, not 'epsilon,gamma'"],
    [
      'serve --rules epsilon',
      "--rules takes JSON files, but 'epsilon' is a built-in rule, which the page offers anyway"
    ],
    [
      'evaluate --rules epsilon,gamma --rule 0',
      '--rule cannot be combined with --rules, which names the methods to compare'
    ],
    [
      'evaluate mlp-digits --rules epsilon gamma',
      "too many arguments for 'evaluate': expected 1, got 2 (separate several values by commas: --rules epsilon,gamma)"
    ],
    [
      'evaluate --rules epsilon, gamma',
      "there is no experiment or file 'gamma': choose from mlp-digits (separate several values by commas: --rules epsilon,gamma)"
    ],
    [
      'explain mlp-digits --compare epsilon gamma --rule zplus',
      "too many arguments for 'explain': expected 1, got 2 (separate several values by commas: --compare epsilon,gamma)"
    ]
  ])('%s', async (words, sentence) => {
    expect(await usage(...words.split(' '))).toBe(sentence)
  })

  test('of serve takes several files, and leaves the model alone', async () => {
    const missing = join(root, 'missing.json')
    const sentence = `the rules file ${missing} cannot be read: it does not exist`
    expect(await usage('serve', '--rules', `${file},${missing}`, 'mlp-digits')).toBe(sentence)
    expect(await usage('serve', '--rules', file, '--rules', missing, 'mlp-digits')).toBe(sentence)
  })
})

test.each(['--rule', '--composite'])('%s reads a file, and the explanation can be repeated', async (flag) => {
  const output = join(root, flag.slice(2))
  const args = [flag, file, '--limit', '1', '--output', output, '--quiet', ...experiments]
  expect(await cli('explain', ...args)).toMatchObject({ status: 0, err: '' })
  const { method, call } = JSON.parse(readFileSync(join(output, 'explain.json'), 'utf8')) as ExplainSummary
  expect(method).toBe('mine')
  expect(call.options.rules).toBe(file)
  expect(Object.keys(call.files)).toEqual([file])
  const again = await cli('explain', '--again', output, '--quiet', '--json')
  expect((JSON.parse(again.out) as RepeatedFiles).differing).toEqual([])
})

describe('evaluate --rules with settings', () => {
  const few = ['--limit', '1', '--metrics', 'sparseness', '--draws', '1', '--json', '--quiet', ...experiments]
  const evaluated = async (...args: string[]): Promise<Evaluation> => {
    const { status, out, err } = await cli(
      'evaluate',
      'mlp-digits',
      ...few,
      ...args,
      '--output',
      join(root, 'evaluated')
    )
    expect([status, err]).toEqual([0, ''])
    return JSON.parse(out) as Evaluation
  }
  const score = ({ methods }: Evaluation, name: string): number =>
    methods.find((one) => one.name === name)!.scores.sparseness!.mean

  test('gives them to the methods that have them, and says so in their names', async () => {
    const changed = await evaluated('--rules', `epsilon,gamma,${file}`, '--gamma', '3', '--parameter', 'lift=1')
    const names = ['epsilon', 'gamma gamma=3', `${file} gamma=3 lift=1`]
    expect(changed.settings.methods).toEqual(names)
    const usual = await evaluated('--rules', `epsilon,gamma,${file}`)
    expect(score(changed, names[0]!)).toBe(score(usual, 'epsilon'))
    expect(score(changed, names[1]!)).not.toBe(score(usual, 'gamma'))
    expect(score(changed, names[2]!)).not.toBe(score(usual, file))
    expect(changed.asked).toMatchObject({ rules: `epsilon,gamma,${file}`, gamma: 3, parameter: ['lift=1'] })
  })

  test.each([
    ['--rule gamma --gamma 3', 'gamma gamma=3'],
    ['--rules gamma --gamma 3', 'gamma gamma=3'],
    ['--method occlusion --window 3', 'occlusion window=3']
  ])('%s', async (words, name) => {
    expect((await evaluated(...words.split(' '))).settings.methods).toEqual([name])
  })

  test('marks the best means where there are several methods', async () => {
    const printed = async (rules: string): Promise<string> => {
      const args = ['--rules', rules, '--metrics', 'abc,sparseness,morf_auc', '--limit', '1', '--draws', '1']
      return (await cli('evaluate', 'mlp-digits', ...args, ...experiments, '--output', join(root, 'evaluated'))).out
    }
    expect(await printed('epsilon,gradient')).toContain('*')
    const one = await printed('epsilon')
    expect(one).toContain('means (^ higher is better, v lower is better):')
    expect(one).not.toContain('*')
  })

  test.each([
    ['--rules epsilon,gradient --gamma 3', '--gamma has no effect on epsilon, gradient'],
    [`--rules epsilon,${file} --parameter shift=3`, `--parameter shift has no effect on epsilon, ${file}`]
  ])('%s', async (words, sentence) => {
    expect(await usage('evaluate', 'mlp-digits', ...words.split(' '))).toBe(sentence)
  })
})
