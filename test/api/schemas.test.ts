import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { jsonSchemaOf, RESULTS } from '../../src/api/schemas/index.js'
import { packageVersion } from '../../src/core/package-version.js'
import { packageRoot } from '../../src/core/paths.js'
import { cli } from '../cli/run.js'

jest.setTimeout(600_000)

type Name = keyof typeof RESULTS
const names = Object.keys(RESULTS) as Name[]

test.each(names)('docs/schemas/%s.schema.json is not stale (scripts/make-schemas.mjs writes it)', (name) => {
  const path = join(packageRoot, 'docs', 'schemas', `${name}.schema.json`)
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(jsonSchemaOf(name))
})

test('there are no other schemas', () => {
  const files = readdirSync(join(packageRoot, 'docs', 'schemas')).sort()
  expect(files).toEqual(names.map((name) => `${name}.schema.json`).sort())
})

const root = mkdtempSync(join(tmpdir(), 'lrp-schemas-'))
const experiments = ['--experiments', root, '--json', '--quiet']
afterAll(() => rmSync(root, { recursive: true, force: true }))

async function run(...args: string[]): Promise<Record<string, unknown>> {
  const { status, out, err } = await cli(...args, ...experiments)
  expect([status, err]).toEqual([0, ''])
  return JSON.parse(out) as Record<string, unknown>
}

const results: Partial<Record<Name, string[]>> = {}
let printed: Record<string, Record<string, unknown>>
beforeAll(async () => {
  writeFileSync(join(root, 'rules.json'), '{"layers": [{"kind": "weighted", "rule": "gamma"}]}')
  const train = await run('train', '--epochs', '2')
  const values = ['train', '--task', 'regression', '--epochs', '1', '--experiment-name', 'values']
  const labels = ['train', '--task', 'multilabel', '--epochs', '1', '--experiment-name', 'labels']
  const model = 'mlp-digits'
  await run('train', '--model', 'lenet', '--epochs', '1')
  printed = {
    train,
    values: await run(...values),
    labels: await run(...labels),
    test: await run('test', model),
    explain: await run('explain', model, '--limit', '3', '--target', 'all'),
    gradient: await run('explain', model, '--limit', '2', '--method', 'gradient'),
    rules: await run('explain', model, '--limit', '2', '--rules', join(root, 'rules.json'), '--top-k', '0.5'),
    evaluate: await run('evaluate', model, '--limit', '3', '--rules', 'epsilon,gradient', '--randomisation', '2'),
    'remove-features': await run('remove-features', model, '--limit', '3'),
    concepts: await run('concepts', 'lenet-digits', '--limit', '20'),
    audit: await run('audit', model, '--limit', '40')
  }
  const at = (...parts: string[]): string => join(root, model, ...parts)
  const explanations = ['auto', 'gradient', 'custom'].map((name) => at('explanations', name, 'explain.json'))
  Object.assign(results, {
    explain: explanations,
    evaluation: [at('evaluation', 'evaluation.json')],
    removal: [at('feature_removal', 'auto', 'removal.json')],
    'test-classification': [at('test', 'metrics.json')],
    'test-multilabel': [join(root, 'labels', 'test', 'metrics.json')],
    'test-regression': [join(root, 'values', 'test', 'metrics.json')],
    concepts: [join(root, 'lenet-digits', 'concepts', 'concepts.json')],
    audit: [at('audit', 'audit.json')]
  } satisfies Partial<Record<Name, string[]>>)
})

test.each(names)('%s: what is written is described, field by field', (name) => {
  for (const path of results[name]!) {
    expect({ path, exists: existsSync(path) }).toMatchObject({ exists: true })
    const content: unknown = JSON.parse(readFileSync(path, 'utf8'))
    expect(RESULTS[name].parse(content)).toEqual(content)
  }
})

test('what is printed carries version, model, preprocessing and, of LRP, the rule of every node', () => {
  for (const [command, found] of Object.entries(printed)) {
    const provenance = {
      version: packageVersion(),
      modelSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      preprocessing: expect.objectContaining({ channels: 1 })
    }
    expect({ command, provenance: found.provenance }).toEqual({
      command,
      provenance: expect.objectContaining(provenance)
    })
  }
  const { explain, evaluate, 'remove-features': removal } = printed
  for (const rules of [explain!.rules, removal!.rules])
    expect(rules).toMatchObject({ '1': expect.stringMatching(/^epsilon\(/) })
  expect(evaluate!.methods).toContainEqual(expect.objectContaining({ name: 'epsilon', rules: expect.anything() }))
})
