import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { packageRoot } from '../../src/core/paths.js'
import { cli } from '../cli/run.js'
import { runOrKill } from '../kill.js'
import { auditSchema, type AuditResult } from '../../src/audit/result.js'
import { train } from '../../src/train/train.js'
import { TARGET, writePlantedDigits } from './planted.js'

jest.setTimeout(600_000)

/** Runs an audit to its end, or kills it after this number of its lines; the lines it printed. */
function run(model: string, data: string, output: string, killAfter?: number): Promise<string[]> {
  const script = join(packageRoot, 'test', 'audit', 'run.mjs')
  return runOrKill(script, [join(packageRoot, 'dist'), model, data, output], killAfter)
}

describe('an audit of a folder, in a process of its own', () => {
  const root = mkdtempSync(join(tmpdir(), 'lrp-audit-killed-'))
  const data = join(root, 'data')
  const whole = join(root, 'whole')
  let marked: Set<string>
  let model: string
  let result: AuditResult
  beforeAll(async () => {
    marked = await writePlantedDigits(data)
    const trained = await train({ dataPath: data, epochs: 15, experimentsRoot: root })
    model = trained.experiment.folder
    trained.model.dispose()
    result = JSON.parse((await run(model, data, whole)).at(-1)!) as AuditResult
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  test('takes the test folder, and finds the marked images by their paths below the data folder', () => {
    expect(result.split).toBe('test')
    expect(result.images).toBe(
      readdirSync(join(data, 'test')).flatMap((one) => readdirSync(join(data, 'test', one))).length
    )
    expect(result.flagged.map((one) => one.class)).toEqual([String(TARGET)])
    const [flagged] = result.classes.flatMap(({ clusters }) => clusters.filter((one) => one.flagged))
    const hits = flagged!.images.filter((path) => marked.has(path)).length
    expect(hits / flagged!.size).toBeGreaterThanOrEqual(0.9)
    expect(hits / marked.size).toBeGreaterThanOrEqual(0.9)
  })

  test('on the command line counts images, then classes, and says what to do next', async () => {
    const { status, out, err } = await cli('audit', model, '--data-path', data, '--output', join(root, 'listed'))
    expect(status).toBe(0)
    expect(err).toMatch(/^\d+\/10 classes$/m)
    expect(err).not.toMatch(/\/10 images/)
    expect(out).toMatch(/^next:\n.*test images.*:\n {4}npx lrp-native audit .*--split all .*--export-lists/m)
  })

  test('of all splits lists training and test images', async () => {
    const output = join(root, 'all')
    const how = ['--split', 'all', '--limit', '600', '--export-lists', '--output', output]
    const { status, out } = await cli('audit', model, '--data-path', data, ...how)
    expect(status).toBe(0)
    const all = JSON.parse(readFileSync(join(output, 'audit.json'), 'utf8')) as AuditResult
    expect([all.split, all.images, all.classes.length]).toEqual(['all', 600, 10]) // not the first, which are sorted
    const listed = readFileSync(join(output, 'flagged.csv'), 'utf8').split('\n')
    for (const split of ['train', 'test']) expect(listed.some((row) => row.startsWith(`${split}/`))).toBe(true)
    expect(out).not.toContain('--export-lists') // there is nothing more to list
  })

  test('that is finished writes another format without looking at the images again', async () => {
    rmSync(join(whole, 'virelay'), { recursive: true })
    const lines = await run(model, data, whole)
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0]!)).toEqual(result)
    expect(readdirSync(join(whole, 'virelay'))).toContain('project.yaml')
  })

  interface Stored {
    shape: number[]
    values: number[]
    attributes: Record<string, number[]>
  }
  const hdf5 = (folder: string, name: string): Record<string, Stored> => {
    const script = join(packageRoot, 'test', 'audit', 'read-hdf5.mjs')
    const most = { maxBuffer: 2 ** 28 }
    return JSON.parse(execFileSync(process.execPath, [script, join(folder, 'virelay', name)], most).toString()) as never
  }

  test('killed at any step, it loses nothing and ends the same', async () => {
    const output = join(root, 'killed')
    const done = (): number => {
      const path = join(output, '.audit.jsonl')
      return existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 2 : 0
    }
    let before = 0
    for (const killAfter of [1, 1, 2, 3]) {
      await run(model, data, output, killAfter)
      expect(done()).toBeGreaterThan(before)
      before = done()
    }
    const lines = await run(model, data, output)
    const steps = Math.ceil(result.images / 256) + result.classes.length
    expect(lines.filter((line) => /images$/.test(line)).length).toBeLessThan(steps - before)
    const found: unknown = JSON.parse(lines.at(-1)!)
    expect(auditSchema.parse(found)).toEqual(result)
    expect(readdirSync(output).sort()).toEqual(readdirSync(whole).sort())
    // the page names its folder in commands
    const text = (folder: string, file: string): string =>
      readFileSync(join(folder, file), 'utf8').replaceAll(folder, '')
    for (const file of ['audit.json', 'audit.html', 'virelay/project.yaml'])
      expect([file, text(output, file) === text(whole, file)]).toEqual([file, true])
    for (const file of ['attribution.h5', 'analysis.h5']) expect(hdf5(output, file)).toEqual(hdf5(whole, file))
  })

  test("writes ViRelAy's project: images, maps, and for every class its clusters and embedding", () => {
    const input = hdf5(whole, 'input.h5')
    expect(input['/data']!.shape).toEqual([result.images, 3, 8, 8])
    expect(Math.max(...input['/data']!.values)).toBe(255)
    const attribution = hdf5(whole, 'attribution.h5')
    expect(attribution['/attribution']!.shape).toEqual([result.images, 1, 8, 8])
    expect(attribution['/prediction']!.shape).toEqual([result.images, 10])
    expect(attribution['/label']!.values).toEqual(input['/label']!.values)
    const { values } = attribution['/attribution']!
    const magnitudes = values.slice(0, 64).reduce((sum, value) => sum + Math.abs(value), 0)
    expect(magnitudes).toBeCloseTo(1, 4)
    const analysis = hdf5(whole, 'analysis.h5')
    for (const { class: name, images, clusters, eigenvalues } of result.classes) {
      const group = `/${name.padStart(8, '0')}`
      expect(analysis[`${group}/index`]!.shape).toEqual([images])
      const ids = analysis[`${group}/cluster/spectral`]!.values
      for (const { id, size } of clusters) expect(ids.filter((one) => one === id)).toHaveLength(size)
      const embedding = analysis[`${group}/embedding/umap`]!
      expect(embedding.shape).toEqual([images, 2])
      embedding.attributes.eigenvalue!.forEach((one, i) => expect(one).toBeCloseTo(eigenvalues[i]!, 5))
    }
    const labels = JSON.parse(readFileSync(join(whole, 'virelay', 'label-map.json'), 'utf8')) as { name: string }[]
    expect(labels.map(({ name }) => name)).toEqual(Array.from({ length: 10 }, (_, i) => String(i)))
  })
})
