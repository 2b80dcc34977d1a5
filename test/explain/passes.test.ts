import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { ExplainToFilesOptions } from '../../src/explain/file-options.js'
import { explainToFiles } from '../../src/explain/to-files.js'
import type { ExplainSummary } from '../../src/explain/summary.js'
import type { Model } from '../../src/model/model.js'
import { train } from '../../src/train/train.js'

const root = mkdtempSync(join(tmpdir(), 'lrp-passes-'))
let model: Model
beforeAll(async () => {
  model = (await train({ model: 'lenet', epochs: 1, experimentsRoot: join(root, 'experiments') })).model
})
afterAll(() => {
  model.dispose()
  rmSync(root, { recursive: true, force: true })
})

const folder = (name: string): string => join(root, name)
const options = (name: string, more: Partial<ExplainToFilesOptions> = {}): ExplainToFilesOptions => ({
  rule: 'epsilon',
  limit: 8,
  layers: ['0'],
  format: ['npy', 'png'],
  output: folder(name),
  ...more
})

/** Every file, and explain.json without what differs from run to run. */
function contentOf(name: string): Record<string, string> {
  const files = readdirSync(folder(name)).sort()
  return Object.fromEntries(
    files.map((file) => {
      if (file !== 'explain.json') return [file, readFileSync(join(folder(name), file)).toString('base64')]
      const summary = JSON.parse(readFileSync(join(folder(name), file), 'utf8')) as ExplainSummary
      for (const means of Object.values(summary.layers)) {
        for (const [key, value] of Object.entries(means)) Object.assign(means, { [key]: value.toPrecision(8) })
      }
      return [
        file,
        JSON.stringify({ ...summary, milliseconds: 0, conservationError: summary.conservationError.toFixed(9) })
      ]
    })
  )
}

/** Stops as soon as `images` are done. */
async function stopped(name: string, images: number, more: Partial<ExplainToFilesOptions> = {}): Promise<void> {
  const stop = new AbortController()
  const onProgress = (done: number): void => (done >= images ? stop.abort() : undefined)
  const run = explainToFiles(model, options(name, { passSize: 3, ...more, onProgress, signal: stop.signal }))
  await expect(run).rejects.toMatchObject({ code: 'ABORTED' })
}

describe('many images come in passes', () => {
  test.each<[string, Partial<ExplainToFilesOptions>]>([
    ['one map each', {}],
    ['several maps each', { target: [0, 3] }],
    ['the true class', { target: 'label' }],
    ['another method', { rule: undefined, method: 'gradient', layers: undefined }]
  ])('that leave what one pass would: %s', async (name, more) => {
    const [one, many] = [`one ${name}`, `many ${name}`]
    const whole = await explainToFiles(model, options(one, { ...more, batchSize: 1 }))
    const parts = await explainToFiles(model, options(many, { ...more, batchSize: 1, passSize: 3 }))
    expect(contentOf(many)).toEqual(contentOf(one))
    expect(parts.files.map((file) => file.replace(many, one)).sort()).toEqual(whole.files.sort())
    expect(whole.explanation?.relevance.shape.at(-4)).toBe(8)
    expect(parts.explanation).toBeUndefined()
    expect(parts.summary.images.map(({ name: image }) => image)).toEqual(parts.names)
  })

  test('that are one pass where a result needs all images', async () => {
    for (const more of [{ wide: true }, { compare: ['gradient'] }, { heatmap: { scale: 'batch' as const } }]) {
      const { explanation } = await explainToFiles(model, options('together', { passSize: 3, ...more }))
      expect(explanation?.relevance.shape[0]).toBe(8)
    }
  })
})

describe('a run that was stopped', () => {
  test('goes on after the passes that were done', async () => {
    await explainToFiles(model, options('undisturbed', { passSize: 3 }))
    await stopped('interrupted', 6)
    expect(readdirSync(folder('interrupted'))).not.toContain('explain.json')
    const seen: number[] = []
    const onProgress = (done: number): number => seen.push(done)
    const result = await explainToFiles(model, options('interrupted', { passSize: 3, onProgress }))
    expect(result.doneBefore).toBe(6)
    expect(Math.min(...seen)).toBeGreaterThan(6)
    expect(contentOf('interrupted')).toEqual(contentOf('undisturbed'))
  })

  test('begins anew where rule, images or format are others', async () => {
    for (const more of [
      { rule: 'gamma' },
      { limit: 7 },
      { format: ['svg' as const] },
      { passSize: 2 },
      { target: 1 }
    ]) {
      await stopped('changed', 6)
      const result = await explainToFiles(model, options('changed', { passSize: 3, ...more }))
      expect(result.doneBefore).toBe(0)
    }
  })

  test('begins anew where another run has written in between; says how far it came', async () => {
    const stop = new AbortController()
    const onProgress = (done: number): void => (done >= 3 ? stop.abort() : undefined)
    const run = explainToFiles(model, options('between', { passSize: 3, onProgress, signal: stop.signal }))
    await expect(run).rejects.toThrow('the run was stopped after 3 of 8 images: run the same command again to continue')
    await explainToFiles(model, options('between', { rule: 'gamma', limit: 2, format: ['png'] }))
    expect((await explainToFiles(model, options('between', { passSize: 3 }))).doneBefore).toBe(0)
  })

  test('does a pass again whose record was cut off, and all where rows are missing', async () => {
    await stopped('cut', 6)
    appendFileSync(join(folder('cut'), '.explain.passes.jsonl'), '{"images": [')
    expect((await explainToFiles(model, options('cut', { passSize: 3 }))).doneBefore).toBe(6)
    expect(contentOf('cut')).toEqual(contentOf('undisturbed'))
    await stopped('cut', 6)
    rmSync(join(folder('cut'), '.relevance.npy.partial'))
    expect((await explainToFiles(model, options('cut', { passSize: 3 }))).doneBefore).toBe(0)
    expect(contentOf('cut')).toEqual(contentOf('undisturbed'))
  })
})
