import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import sharp from 'sharp'
import { explainAgain } from '../../src/explain/again.js'
import { explainToFiles } from '../../src/explain/to-files.js'
import { Model } from '../../src/model/model.js'
import { cli } from '../cli/run.js'

jest.setTimeout(300_000)

const root = mkdtempSync(join(tmpdir(), 'lrp-again-'))
const at = (...parts: string[]): string => join(root, ...parts)
const experiments = ['--experiments', at('experiments'), '--quiet']
const model = at('experiments', 'mlp-digits')
const conv = at('experiments', 'lenet-digits')
afterAll(() => rmSync(root, { recursive: true, force: true }))

async function run(...args: string[]): Promise<void> {
  const { status, err } = await cli(...args)
  expect([status, err]).toEqual([0, ''])
}

async function png(path: string, seed: number): Promise<void> {
  const pixels = Uint8Array.from({ length: 64 }, (_, i) => (i * seed * 37) % 256)
  await sharp(pixels, { raw: { width: 8, height: 8, channels: 1 } }).toFile(path)
}

beforeAll(async () => {
  await run('train', '--epochs', '2', ...experiments)
  await run('train', '--model', 'lenet', '--epochs', '1', ...experiments)
  await run('fit-patterns', model, '--limit', '100', '--quiet')
  mkdirSync(at('images', 'a'), { recursive: true })
  for (const [i, name] of ['a/0.png', 'a/1.png', 'b.png'].entries()) await png(at('images', name), i + 1)
  writeFileSync(at('rules.json'), '{"layers": [{"kind": "weighted", "rule": "gamma"}]}')
})

/** Explains into a folder, and gives the words that repeat it. */
async function explained(name: string, ...args: string[]): Promise<string[]> {
  await run('explain', ...args, '--format', 'npy', '--output', at(name), '--quiet')
  return ['explain', '--again', at(name, 'explain.json'), '--json', '--quiet']
}

test.each([
  ['classes', [model, '--limit', '4', '--target', '1,2']],
  ['concept', [conv, '--limit', '3', '--concept', '3:1,4', '--top-k', '0.5', '--seed', '3']],
  ['smoothgrad', [conv, '--images', '5,2', '--method', 'smoothgrad', '--seed', '7']],
  ['folder', [model, '--input', at('images'), '--rule', 'gamma', '--gamma', '0.4']],
  ['files', [model, '--input', at('images', 'b.png'), at('images', 'a', '0.png'), '--rules', at('rules.json')]],
  ['patterns', [model, '--limit', '2', '--rule', 'patternattribution']],
  ['head', [conv, '--limit', '2', '--head', '3', '--precision', 'fp64', '--threads', '1']]
])('%s: the maps are the same, bit for bit', async (name, args) => {
  const again = await explained(name, ...args)
  const { status, out, err } = await cli(...again)
  expect([status, err]).toEqual([0, ''])
  expect(JSON.parse(out)).toMatchObject({ differing: [], folder: at(`${name}-again`) })
  const map = (folder: string): Buffer => readFileSync(at(folder, 'relevance.npy'))
  expect(map(`${name}-again`).equals(map(name))).toBe(true)
  const settings = (folder: string): unknown => {
    const { call, settings } = JSON.parse(readFileSync(at(folder, 'explain.json'), 'utf8'))
    return { call, settings }
  }
  expect(settings(`${name}-again`)).toEqual(settings(name))
})

test('concepts are among the settings, as their flag takes them', async () => {
  await explained('named', conv, '--limit', '1', '--concept', '3:1,4', '0:2', '--target', '1,2')
  const { settings } = JSON.parse(readFileSync(at('named', 'explain.json'), 'utf8'))
  expect(settings).toMatchObject({ concept: ['0:2', '3:1,4'], target: '1,2' })
})

/** @returns the sentence with which a repeat fails */
async function refused(again: string[]): Promise<string> {
  const { status, err } = await cli(...again)
  expect(status).toBe(1)
  return err.trim()
}

test('an image that changed, or is missing, is named', async () => {
  const again = await explained('changed', model, '--input', at('images'))
  const file = at('changed', 'explain.json')
  const kept = at('kept.png')
  copyFileSync(at('images', 'b.png'), kept)
  await png(at('images', 'b.png'), 9)
  expect(await refused(again)).toBe(`lrp-native: the pixels of the image b have changed since ${file} was written`)
  rmSync(at('images', 'b.png'))
  expect(await refused(again)).toBe(`lrp-native: the image b, which ${file} names, does not exist`)
  copyFileSync(kept, at('images', 'b.png'))
  await png(at('images', 'c.png'), 4)
  const more = `the 3 images of ${file} have changed: c is new`
  expect(await refused(again)).toBe(`lrp-native: ${more}`)
  rmSync(at('images', 'c.png'))
  renameSync(at('images'), at('moved'))
  expect(await refused(again)).toBe(`lrp-native: the input ${at('images')} does not exist`)
  await run(...again.slice(0, 3), '--input', at('moved'), '--quiet')
  renameSync(at('moved'), at('images'))
})

test('another model, or none, is refused by its SHA-256', async () => {
  await run('convert', model, '--output', at('copy'), '--quiet')
  const again = await explained('copied', at('copy'), '--data', 'digits', '--limit', '2')
  const file = at('copied', 'explain.json')
  await run(...again.slice(0, 3), '--quiet')
  renameSync(at('copy'), at('elsewhere'))
  const missing = `the model that ${file} names, ${at('copy')}, does not exist: pass the model's new path`
  expect(await refused(again)).toBe(`lrp-native: ${missing}`)
  await run('explain', at('elsewhere'), ...again.slice(1, 3), '--quiet')
  const [other] = (await refused(['explain', conv, ...again.slice(1)])).split(': its')
  expect(other).toBe(`lrp-native: ${conv} is not the model of ${file}`)
})

test('a file of settings that changed, or is missing, is named', async () => {
  const rules = at('own.json')
  copyFileSync(at('rules.json'), rules)
  const again = await explained('own', model, '--limit', '2', '--rules', rules)
  const file = at('own', 'explain.json')
  writeFileSync(rules, '{"layers": [{"kind": "weighted", "rule": "zplus"}]}')
  expect(await refused(again)).toBe(`lrp-native: the file ${rules} has changed since ${file} was written`)
  rmSync(rules)
  expect(await refused(again)).toBe(`lrp-native: the file ${rules}, which ${file} names, does not exist`)
})

test('maps that are not those of the record are said, with status 1', async () => {
  const again = await explained('forged', model, '--limit', '2')
  const file = at('forged', 'explain.json')
  const summary = JSON.parse(readFileSync(file, 'utf8'))
  summary.images[1].mapSha256 = '0'.repeat(64)
  writeFileSync(file, JSON.stringify(summary))
  const { status, out, err } = await cli(...again)
  expect([status, err]).toEqual([
    1,
    `lrp-native: the maps differ from the maps of ${file} for 1 of 2 inputs; the first is 00001\n`
  ])
  expect(JSON.parse(out)).toMatchObject({ differing: ['00001'] })
})

test('settings beside --again are refused, and files that are no record', async () => {
  const again = await explained('whole', model, '--limit', '1')
  const { status, err } = await cli(...again, '--rule', 'zplus')
  expect([status, err]).toEqual([
    2,
    'lrp-native: --rule cannot be combined with --again, whose file contains all settings\n'
  ])
  expect(await refused(['explain', '--again', at('none.json')])).toBe(
    `lrp-native: cannot read ${at('none.json')}: it does not exist`
  )
  expect(await refused(['explain', '--again', at('rules.json')])).toBe(
    `lrp-native: ${at('rules.json')} is not an explain.json of an explanation that can be repeated`
  )
})

test('what a program gave as tensors cannot be repeated, and says so', async () => {
  using loaded = await Model.load(model)
  const seed = { data: new Float32Array(10).fill(1), shape: [1, 10] }
  await explainToFiles(loaded, { limit: 1, seed, output: at('program') })
  const { name: _, ...sentence } = (await explainAgain(at('program'), undefined).catch(
    (error) => error as Error
  )) as Error
  expect(sentence).toMatchObject({ code: 'UNSUPPORTED' })
})

test('a model that a program made is named by the program', async () => {
  using loaded = await Model.load(model)
  using made = await Model.create(await loaded.toParts(), 'cpu')
  await explainToFiles(made, { limit: 2, data: 'digits', output: at('made') })
  await expect(explainAgain(at('made'), undefined)).rejects.toThrow(/does not contain the path of the model/)
  expect((await explainAgain(at('made'), model)).differing).toEqual([])
})
