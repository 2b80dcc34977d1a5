import { join } from 'node:path'
import { LrpError } from '../core/errors.js'
import type { LineLog } from '../core/journal.js'
import { checkOptions } from '../core/options.js'
import { openJournal, openStudy, type Study } from '../concepts/study.js'
import type { Model } from '../model/model.js'
import { auditClass, type ClassFindings } from './audit-class.js'
import { Images } from './images.js'
import { gridOf, observePass, type Observed } from './observe.js'
import { auditOptions, type AuditOptions } from './options.js'
import type { AuditResult } from './result.js'
import { RowStore } from './row-store.js'
import { writeAudit } from './write-audit.js'

/** What `audit` returns: its result, and the files written. */
export interface AuditedFiles {
  result: AuditResult
  /** Where the files are. */
  folder: string
  files: string[]
}

/** Images that are explained between two entries of the journal. */
const PASS = 256

type Entry = { predicted: number[]; channels: number } | ({ class: number } & ClassFindings)

/**
 * Is the model right for the right reasons? Scores and explains every image, clusters the explanations of each predicted class
 * (Lapuschkin et al. 2019), seeks in every cluster what decides the class, and tests it by intervention: taken out of its own
 * images and put into others, compared with random regions (docs/audit.md).
 * @throws LrpError INVALID_ARGUMENT (no classification, unknown layer or rule), NOT_FOUND, INVALID_FILE, IO, ABORTED
 */
export async function audit(model: Model, given: AuditOptions = {}): Promise<AuditedFiles> {
  const options = checkOptions(auditOptions, given)
  const { seed = 0, signal } = options
  if (model.task !== 'classification') throw new LrpError('INVALID_ARGUMENT', 'an audit is of a classifier')
  const study = await openStudy(model, 'audit', auditOptions, options, 'epsilon-plus-flat')
  const { dataset, split, names, rule, layer, folder } = study
  const images = new Images(model, dataset, split, signal)
  const { log, done } = await openJournal<Entry>(study, '.audit.jsonl')
  const observed = await observe(study, log, done, options.onProgress)
  const labels = dataset.splits[split].labels
  const right = observed.predicted.filter((one, i) => one === labels[i]).length
  const findings: ClassFindings[] = []
  const called = [...new Set(observed.predicted)].sort((a, b) => a - b)
  for (const [place, target] of called.entries()) {
    if (signal?.aborted) throw new LrpError('ABORTED', 'stopped: run the same audit again to continue')
    const before = done.find((entry) => 'class' in entry && entry.class === target)
    const found =
      before && 'audited' in before
        ? before
        : await auditClass(images, observed, target, model.className(target), names, seed)
    if (!before) await log.add({ class: target, ...found })
    findings.push(found)
    options.onProgress?.(place + 1, called.length, 'classes')
  }
  const classes = findings.map(({ audited }) => audited)
  const result: AuditResult = {
    version: 1,
    model: model.name,
    data: options.dataPath ?? dataset.name,
    split,
    rule,
    layer,
    seed,
    accuracy: right / labels.length,
    images: labels.length,
    classes,
    flagged: classes.flatMap(({ class: name, clusters }) =>
      clusters.filter((one) => one.flagged).map(({ id, reason }) => ({ class: name, cluster: id, reason }))
    )
  }
  const files = await writeAudit(result, { model, images, observed, names, labels, findings }, folder, options)
  await log.remove()
  await removeStores(folder)
  return { result, folder, files }
}

const storePath = (folder: string, what: 'maps' | 'channels'): string => join(folder, `.audit.${what}.f32`)

/** Explains every image, some at a time; what a stopped run has done is taken over. */
async function observe(
  study: Study,
  log: LineLog<Entry>,
  done: Entry[],
  onProgress: AuditOptions['onProgress']
): Promise<Observed> {
  const { dataset, split, layer, folder } = study
  const total = dataset.splits[split].labels.length
  const grid = gridOf(dataset.imageShape)
  const width = grid[0] * grid[1]
  const predicted = new Int32Array(total)
  const passes = done.flatMap((entry) => ('predicted' in entry ? [entry] : []))
  const stored = (['maps', 'channels'] as const).every((what) => RowStore.isThere(storePath(folder, what)))
  let from = 0
  let channels = 0
  if (stored) {
    for (const pass of passes) {
      predicted.set(pass.predicted, from)
      from += pass.predicted.length
      channels = pass.channels
    }
  }
  const maps = await RowStore.open(storePath(folder, 'maps'), 4 * from * width)
  const shares = await RowStore.open(storePath(folder, 'channels'), 4 * from * channels)
  try {
    for (; from < total; from += PASS) {
      const to = Math.min(total, from + PASS)
      const pass = await observePass(study, from, to)
      channels = pass.channels.length / (to - from)
      await maps.write(pass.maps, from, width)
      await shares.write(pass.channels, from, channels)
      await log.add({ predicted: pass.predicted, channels })
      predicted.set(pass.predicted, from)
      onProgress?.(to, total, 'images')
    }
    return {
      predicted,
      grid,
      layer,
      maps: await maps.read(total, width),
      channels: await shares.read(total, channels)
    }
  } finally {
    await maps.close()
    await shares.close()
  }
}

async function removeStores(folder: string): Promise<void> {
  for (const what of ['maps', 'channels'] as const) await (await RowStore.open(storePath(folder, what), 0)).remove()
}
