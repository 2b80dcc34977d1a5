import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import sharp from 'sharp'
import { audit, type AuditedFiles } from '../../src/audit/audit.js'
import type { AuditOptions } from '../../src/audit/options.js'
import { clearedText } from '../../src/audit/cleared.js'
import { auditSchema, type AuditResult } from '../../src/audit/result.js'
import type { Dataset } from '../../src/data/dataset.js'
import { openDataset } from '../../src/data/open.js'
import type { Model } from '../../src/model/model.js'
import { train } from '../../src/train/train.js'
import { MARK, ownPlantedDigits, plantedDigits, TARGET } from './planted.js'

jest.setTimeout(600_000)

/** A square PNG of grey values, transparent where there is none. */
function greyPng(side: number, valueOf: (pixel: number) => number | undefined): Promise<Buffer> {
  const pixels = Array.from({ length: side ** 2 }, (_, i) => valueOf(i))
  const data = Buffer.from(pixels.flatMap((value) => (value === undefined ? [0, 0, 0, 0] : [value, value, value, 255])))
  return sharp(data, { raw: { width: side, height: side, channels: 4 } })
    .png()
    .toBuffer()
}

describe('an audit', () => {
  let folder: string
  let model: Model
  let dataset: Dataset
  let marked: Set<string>
  let result: AuditResult

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lrp-audit-'))
    ;({ dataset, marked } = await plantedDigits())
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
    expect(flagged!.where).toMatchObject({ x: 0, y: 0, height: 2 })
    expect(flagged!.where!.width).toBeLessThanOrEqual(3) // the pixel next to the mark is black in most digits
    const { removed, inserted, random } = flagged!.intervention
    expect(removed.interval[0]).toBeGreaterThan(random.interval[1])
    expect(inserted.interval[0]).toBeGreaterThan(random.interval[1])
    expect(flagged!.kind).toBe('decides')
    expect(flagged!.reason).toMatch(/^Decides the class: /)
  })

  test('finds what is enough for a class, even if the images that have it do not need it', async () => {
    const own = await ownPlantedDigits()
    const { result: found } = await audit(model, { data: own.dataset, output: join(folder, 'own') })
    expect(found.flagged.map((one) => one.class)).toEqual([String(TARGET)])
    const [flagged] = found.classes.find((one) => one.class === String(TARGET))!.clusters
    expect(flagged!.kind).toBe('enough')
    expect(flagged!.reason).toMatch(/^Enough by itself: /)
    expect(new Set(flagged!.images)).toEqual(own.marked)
    const { removed, inserted, random, peers } = flagged!.intervention
    expect(removed.interval[0]).toBeLessThanOrEqual(random.interval[1])
    expect(inserted.interval[0]).toBeGreaterThan(Math.max(0.5, random.interval[1], peers!.interval[1]))
  })

  test('tests a suspected pattern that no image shows, and one that does nothing', async () => {
    const clean = await openDataset()
    const [mark, other] = ['mark.png', 'other.png'].map((name) => join(folder, name)) as [string, string]
    await writeFile(mark, await greyPng(8, (i) => (MARK.includes(i) ? 255 : undefined)))
    await writeFile(other, await greyPng(1, () => 0))
    const suspect = [mark, `${other}@7:7`]
    const output = join(folder, 'suspected')
    const { result: found } = await audit(model, { data: clean, limit: 300, output, suspect })
    const { clusters } = found.classes.find((one) => one.class === String(TARGET))!
    const suspected = clusters.find((one) => one.suspect === 'mark.png')!
    expect(suspected).toMatchObject({
      size: 0,
      flagged: true,
      kind: 'enough',
      where: { x: 0, y: 0, width: 2, height: 2 }
    })
    expect(suspected.reason).toContain('no image called 8 shows mark.png (a patch of 2x2 pixels, at the upper left)')
    expect(suspected.intervention.inserted.flips).toBeGreaterThan(0.9)
    const harmless = found.classes.flatMap((one) => one.clusters.filter((each) => each.suspect === 'other.png@7:7'))
    expect(harmless).toHaveLength(found.classes.length)
    expect(harmless.some((one) => one.flagged)).toBe(false)
    expect(harmless.some((one) => one.size > 0)).toBe(true) // most digits have a black corner
    expect(found.flagged).toHaveLength(1)
    await writeFile(mark, await greyPng(8, () => undefined))
    await expect(audit(model, { data: clean, output: join(folder, 'empty'), suspect: [mark] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `the patch ${mark} is completely transparent: make its pattern opaque`
    })
  })

  test('tests the channels of every cluster, too', () => {
    for (const { class: name, clusters } of result.classes)
      for (const { channels, channelIntervention, size } of clusters) {
        const { channels: tested, removed, inserted, random, reason } = channelIntervention!
        expect(tested).toEqual(channels.map(({ channel }) => channel))
        expect(removed.images).toBe(Math.min(size, removed.images))
        for (const { flips, interval } of [removed, inserted, random]) {
          expect(flips).toBeGreaterThanOrEqual(interval[0])
          expect(flips).toBeLessThanOrEqual(interval[1])
        }
        expect(reason).toMatch(new RegExp(`becomes? ${name} when given the activation from this cluster`))
      }
    const flagged = result.classes.flatMap(({ clusters }) => clusters.filter((one) => one.flagged))[0]!
    const { inserted, random } = flagged.channelIntervention!
    expect(inserted.flips).toBeGreaterThan(random.flips)
  })

  test('every image of a class is in one cluster, with those that only show its pattern', () => {
    const ofClass = (name: string): string[] =>
      dataset.splits.test.paths!.filter((_, i) => dataset.classes[dataset.splits.test.labels[i]!] === name)
    for (const { class: name, images, clusters } of result.classes) {
      const all = clusters.flatMap((one) => one.images)
      expect(new Set(all).size).toBe(all.length)
      const otherwise = clusters.map(({ reason }) => Number(/(\d+) images? labelled/.exec(reason)?.[1] ?? 0))
      expect(all.length).toBe(images + otherwise.reduce((sum, one) => sum + one, 0))
      clusters.forEach(({ images: own }, i) => {
        const last = own.slice(own.length - otherwise[i]!)
        expect(last.filter((path) => !ofClass(name).includes(path))).toEqual([])
      })
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

  test('that is finished is not repeated for its lists, unless images, model or settings are others', async () => {
    const output = join(folder, 'whole')
    const lists = await readFile(join(output, 'flagged.csv'), 'utf8')
    const patch = await readFile(join(output, `patch-${TARGET}-0.png`))
    for (const name of ['flagged.csv', `patch-${TARGET}-0.png`]) await rm(join(output, name))
    let steps = 0
    const again = (more: AuditOptions): Promise<AuditedFiles> =>
      audit(model, { data: dataset, output, onProgress: () => steps++, ...more })
    const { reused, result: found, files } = await again({ exportLists: true })
    expect([reused, steps]).toEqual([true, 0])
    expect(found).toEqual(result)
    const written = ['audit.json', 'flagged.csv', `patch-${TARGET}-0.png`, 'audit.html']
    expect(files.map((path) => basename(path))).toEqual(written)
    expect(await readFile(join(output, 'flagged.csv'), 'utf8')).toBe(lists)
    expect((await readFile(join(output, `patch-${TARGET}-0.png`))).equals(patch)).toBe(true)
    const { test: own } = dataset.splits
    const images = own.images.slice()
    images[images.length - 1]! ^= 1
    const data = { ...dataset, splits: { ...dataset.splits, test: { ...own, images } } }
    for (const more of [{ data }, { rule: 'zplus' }]) expect((await again(more)).reused).toBe(false)
  })

  test('says what can be done about a flagged cluster, with commands', async () => {
    const output = join(folder, 'whole')
    const { next } = await audit(model, { data: dataset, output, called: 'mine', loadedWith: { experiments: folder } })
    expect(next.map(({ command }) => command)).toEqual([
      `npx lrp-native audit mine --experiments ${folder} --split all --export-lists --output ${output}-all`,
      expect.stringMatching(/^npx lrp-native train .*--exclude .*-all\/flagged\.csv$/),
      expect.stringMatching(/^npx lrp-native finetune mine .*--augment insert=.*-all\/patch-8-0\.png$/),
      `npx lrp-native audit --experiments ${folder} --split all`
    ])
  })

  test('flags nothing where nothing is planted', async () => {
    const clean = await openDataset()
    const trained = await train({ data: clean, epochs: 15, experimentsRoot: folder })
    const found = await audit(trained.model, { data: clean, output: join(folder, 'clean') })
    expect(found.result.flagged).toEqual([])
    const [tested, not] = clearedText(found.result)
    const patterns = found.result.classes.reduce((sum, one) => sum + one.patterns, 0)
    expect(patterns).toBeGreaterThan(0)
    expect(tested).toContain(`${patterns} repeated patterns and `)
    const smallest = Math.min(...found.result.classes.map((one) => one.images))
    expect(not).toContain(`fewer than 5 images of a class (${(500 / smallest).toFixed(1)} % of the smallest class)`)
    expect(found.result.accuracy).toBeGreaterThan(0.9)
    trained.model.dispose()
  })
})
