import { createHash } from 'node:crypto'
import { join, relative, sep } from 'node:path'
import { LrpError } from '../core/errors.js'
import { makeFolder } from '../core/files.js'
import { LineLog } from '../core/journal.js'
import { checkOptions } from '../core/options.js'
import type { Dataset, SplitName } from '../data/dataset.js'
import { fitTo, openFor } from '../data/for-model.js'
import type { DataOptions } from '../data/options.js'
import { checkLayer, conceptLayer } from '../concepts/layers.js'
import { planOf } from '../explain/explain.js'
import type { ExplainOptions } from '../explain/options.js'
import type { Model } from '../model/model.js'
import { auditClass, type ClassFindings } from './audit-class.js'
import { Images } from './images.js'
import { gridOf, observePass, type Observed } from './observe.js'
import { schema, type AuditOptions } from './options.js'
import type { AuditResult } from './result.js'
import { RowStore } from './row-store.js'
import { writeAudit } from './write-audit.js'

export interface AuditedFiles {
  result: AuditResult
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
export async function audit(model: Model, options: AuditOptions): Promise<AuditedFiles> {
  checkOptions(schema, options)
  const { split = 'test', limit, output, seed = 0, signal } = options
  if (model.task !== 'classification') throw new LrpError('INVALID_ARGUMENT', 'an audit is of a classifier')
  const opened = typeof options.data === 'object' ? options.data : await openFor(model, dataOptions(options))
  const dataset = await fitTo(model, opened, split, limit)
  const names = namesOf(dataset, split, options.dataPath)
  const how = explainOptions(options)
  const { name: rule, rules } = await planOf(model, how)
  const layer = options.layer ?? conceptLayer(model)
  checkLayer(model, layer)
  const images = new Images(model, dataset, split, signal)
  await makeFolder(output)
  const asked = [model.graph, rules, layer, names, split, seed, await firstLogits(images)]
  const key = createHash('sha256').update(JSON.stringify(asked)).digest('hex')
  const { log, done } = await LineLog.open<Entry>(join(output, '.audit.jsonl'), key)
  const journal = { log, done, folder: output }
  const observed = await observe(model, dataset, split, layer, how, journal, options)
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
  const files = await writeAudit(result, { model, images, observed, names, labels, findings }, options)
  await log.remove()
  await removeStores(output)
  return { result, files }
}

function dataOptions(options: AuditOptions): DataOptions {
  const { split: _s, limit: _l, rule: _r, composite: _c, layer: _y, output: _o, ...rest } = options
  const { format: _f, exportLists: _e, onProgress: _p, ...data } = rest
  return data as DataOptions
}

function explainOptions({ rule, composite, signal }: AuditOptions): ExplainOptions {
  if (rule !== undefined && composite !== undefined)
    throw new LrpError('INVALID_ARGUMENT', 'give a rule or a composite, not both')
  return { signal, ...(rule !== undefined ? { rule } : { composite: composite ?? 'epsilon-plus-flat' }) }
}

/** Paths below the data folder; numbers where images have none. */
function namesOf(dataset: Dataset, split: SplitName, folder: string | undefined): string[] {
  const { paths, labels } = dataset.splits[split]
  if (!paths) return Array.from(labels, (_, i) => `${split}/${String(i).padStart(5, '0')}`)
  return paths.map((path) => (folder === undefined ? path : relative(folder, path)).split(sep).join('/'))
}

/** What says that it is the same model. */
async function firstLogits(images: Images): Promise<number[]> {
  return Array.from(await images.logits(await images.read([0])))
}

const storePath = (folder: string, what: 'maps' | 'channels'): string => join(folder, `.audit.${what}.f32`)

interface Journal {
  log: LineLog<Entry>
  done: Entry[]
  folder: string
}

/** Explains every image, some at a time; what a stopped run has done is taken over. */
async function observe(
  model: Model,
  dataset: Dataset,
  split: SplitName,
  layer: string,
  how: ExplainOptions,
  { log, done, folder }: Journal,
  { onProgress }: AuditOptions
): Promise<Observed> {
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
      const pass = await observePass(model, dataset, split, [from, to], layer, how)
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
