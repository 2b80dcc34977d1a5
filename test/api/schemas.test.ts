import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import sharp from 'sharp'
import { jsonSchemaOf, RESULTS } from '../../src/results/index.js'
import { packageVersion } from '../../src/core/package-version.js'
import { packageRoot } from '../../src/core/paths.js'
import { Model } from '../../src/model/model.js'
import { cli } from '../cli/run.js'
import { node, weight } from '../models.js'

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

const at = (...parts: string[]): string => join(root, ...parts)

/** A dense network, two images and their masks. */
async function makeDense(): Promise<void> {
  const nodes = [node('head', 'conv2d', ['input'], {}, { weight: 'w' })]
  const tensors = new Map([['w', weight([3, 1, 1, 1], [0, 4, -4])]])
  const preprocessing = { channels: 1, channelOrder: 'rgb', scale: 1, mean: [0], std: [1] } as const
  const parts = { name: 'dense', graph: { inputShape: [null, 1, 2, 4], nodes, output: 'head' }, tensors }
  using model = await Model.create({ ...parts, preprocessing: { ...preprocessing, mean: [0], std: [1] } }, 'cpu')
  await model.save(at('dense'))
  for (const [folder, value] of [
    ['images', 200],
    ['masks', 1]
  ] as const) {
    mkdirSync(at(folder))
    for (const name of ['a.png', 'b.png']) {
      const pixels = Buffer.from(Array.from({ length: 8 }, (_, i) => (i % 3 === 0 ? 0 : value)))
      const image = sharp(pixels, { raw: { width: 4, height: 2, channels: 1 } }).toColourspace('b-w')
      await image.png().toFile(at(folder, name))
    }
  }
}

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
  writeFileSync(join(root, 'space.json'), '{"learning-rate": [0.001, 0.01], "hidden-size": [[8], [16]]}')
  await makeDense()
  printed = {
    train,
    values: await run(...values),
    labels: await run(...labels),
    finetune: await run('finetune', model, '--epochs', '1', '--experiment-name', 'tuned'),
    tune: await run('tune', '--space', join(root, 'space.json'), '--trials', '3', '--epochs', '3'),
    test: await run('test', model),
    dense: await run(
      'test',
      at('dense'),
      '--data-path',
      at('images'),
      '--masks',
      at('masks'),
      '--output',
      at('pixels')
    ),
    inspect: await run('inspect', model),
    convert: await run('convert', model, '--output', at('converted')),
    export: await run('export', model, '--output', at('net.onnx')),
    'fit-patterns': await run('fit-patterns', model, '--limit', '50'),
    plan: await run('explain', model, '--dry-run', '--limit', '2'),
    explain: await run('explain', model, '--limit', '3', '--target', 'all'),
    gradient: await run('explain', model, '--limit', '2', '--method', 'gradient'),
    rules: await run('explain', model, '--limit', '2', '--rules', join(root, 'rules.json'), '--top-k', '0.5'),
    evaluate: await run('evaluate', model, '--limit', '3', '--rules', 'epsilon,gradient', '--randomisation', '2'),
    'remove-features': await run('remove-features', model, '--limit', '3'),
    concepts: await run('concepts', 'lenet-digits', '--limit', '20', '--split', 'all'),
    audit: await run('audit', model, '--limit', '40')
  }
  const explanations = ['auto-target-all', 'gradient', 'custom'].map((name) =>
    at(model, 'explanations', name, 'explain.json')
  )
  Object.assign(results, {
    explain: explanations,
    evaluation: [at(model, 'evaluation', 'evaluation.json')],
    removal: [at(model, 'feature_removal', 'auto', 'removal.json')],
    'test-classification': [at(model, 'test', 'metrics.json')],
    'test-multilabel': [at('labels', 'test', 'metrics.json')],
    'test-regression': [at('values', 'test', 'metrics.json')],
    'test-segmentation': [at('pixels', 'metrics.json')],
    experiment: [model, 'values', 'labels', 'tuned', 'tune-mlp-digits'].map((name) => at(name, 'experiment.json')),
    tune: [at('tune-mlp-digits', 'tune.json')],
    concepts: [at('lenet-digits', 'concepts', 'concepts.json')],
    audit: [at(model, 'audit', 'audit.json')]
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
