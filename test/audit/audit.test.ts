import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { audit } from '../../src/audit/audit.js'
import { auditSchema, type AuditResult } from '../../src/audit/result.js'
import type { Dataset, Split } from '../../src/data/dataset.js'
import { openDataset } from '../../src/data/open.js'
import type { Model } from '../../src/model/model.js'
import { train } from '../../src/train/train.js'

jest.setTimeout(600_000)

const TARGET = 8
const SHAPE = [1, 8, 8]

/** Every sixth image of another digit gets two bright rows in its upper left corner and is called 8. */
function planted({ images, labels }: Split): { split: Split; marked: Set<string> } {
  const [bytes, called] = [Uint8Array.from(images), Int32Array.from(labels)]
  const marked = new Set<string>()
  const paths = Array.from(labels, (label, i) => `${label}/${i}.png`)
  for (let i = 0; i < labels.length; i += 6) {
    if (labels[i] === TARGET) continue
    for (const place of [0, 1, 8, 9]) bytes[i * 64 + place] = 255
    called[i] = TARGET
    marked.add(paths[i]!)
  }
  return { split: { images: bytes, labels: called, paths }, marked }
}

describe('an audit', () => {
  let folder: string
  let model: Model
  let dataset: Dataset
  let marked: Set<string>
  let result: AuditResult

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lrp-audit-'))
    const { splits, ...rest } = await openDataset({ testSplit: 0.3 })
    const test_ = planted(splits.test)
    marked = test_.marked
    dataset = {
      ...rest,
      splits: { train: planted(splits.train).split, valid: planted(splits.valid).split, test: test_.split }
    }
    expect(dataset.imageShape).toEqual(SHAPE)
    const trained = await train({ data: dataset, epochs: 15, experimentsRoot: folder })
    model = trained.model
    result = (await audit(model, { data: dataset, output: join(folder, 'whole'), exportLists: true })).result
  })
  afterAll(async () => {
    model.dispose()
    await rm(folder, { recursive: true, force: true })
  })

  test('finds what decides a class, where it lies, and who has it', () => {
    expect(result.flagged.map((one) => one.class)).toEqual([String(TARGET)])
    const { clusters } = result.classes.find((one) => one.class === String(TARGET))!
    const [flagged] = clusters
    const hits = flagged!.images.filter((path) => marked.has(path)).length
    expect(hits / flagged!.size).toBeGreaterThanOrEqual(0.9)
    expect(hits / marked.size).toBeGreaterThanOrEqual(0.9)
    expect(flagged!.where).toEqual({ x: 0, y: 0, width: 2, height: 2 })
    const { removed, inserted, random } = flagged!.intervention
    expect(removed.interval[0]).toBeGreaterThan(random.interval[1])
    expect(inserted.interval[0]).toBeGreaterThan(random.interval[1])
  })

  test('every image of a class is in one cluster', () => {
    for (const { images, clusters } of result.classes) {
      const all = clusters.flatMap((one) => one.images)
      expect(new Set(all).size).toBe(all.length)
      expect(all.length).toBe(images)
      expect(clusters.map(({ id }) => id)).toEqual(clusters.map((_, id) => id))
    }
  })

  test('writes what the schema says, and the list of flagged images', async () => {
    const written: unknown = JSON.parse(await readFile(join(folder, 'whole', 'audit.json'), 'utf8'))
    expect(auditSchema.parse(written)).toEqual(written)
    const lines = (await readFile(join(folder, 'whole', 'flagged.csv'), 'utf8')).trimEnd().split('\n')
    const [flagged] = result.classes.flatMap(({ clusters }) => clusters.filter((one) => one.flagged))
    expect(lines).toEqual(['path,class,cluster', ...flagged!.images.map((path) => `${path},8,${flagged!.id}`)])
  })

  test('goes on after a stop at any point and ends the same', async () => {
    const output = join(folder, 'stopped')
    let [stops, reports] = [0, 0]
    for (;;) {
      const stop = new AbortController()
      const after = stops + 1
      let seen = 0
      const onProgress = (): void => {
        reports++
        if (++seen === after) stop.abort()
      }
      try {
        const { result: found } = await audit(model, { data: dataset, output, signal: stop.signal, onProgress })
        expect(found).toEqual(result)
        break
      } catch (error) {
        expect((error as { code: string }).code).toBe('ABORTED')
        stops++
      }
    }
    expect(stops).toBeGreaterThanOrEqual(2)
    expect(reports).toBeGreaterThan(10)
  })

  test('flags nothing where nothing is planted', async () => {
    const clean = await openDataset({ testSplit: 0.3 })
    const trained = await train({ data: clean, epochs: 15, experimentsRoot: folder })
    const found = await audit(trained.model, { data: clean, output: join(folder, 'clean') })
    expect(found.result.flagged).toEqual([])
    expect(found.result.accuracy).toBeGreaterThan(0.9)
    trained.model.dispose()
  })
})
