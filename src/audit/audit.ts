import { join } from 'node:path'
import { digest } from '../core/digest.js'
import { LrpError } from '../core/errors.js'
import { checkOptions } from '../core/options.js'
import { measureInPasses, type PassEntry } from '../concepts/measure.js'
import { headOf, openJournal, openStudy } from '../concepts/study.js'
import { fingerprint } from '../data/dataset.js'
import type { Model } from '../model/model.js'
import { titleOf } from '../model/title.js'
import { auditClass, type ClassFindings } from './audit-class.js'
import { Images } from './images.js'
import { nextSteps, type NextStep } from './next-steps.js'
import { observedOf, observePass } from './observe.js'
import { auditOptions, type AuditOptions } from './options.js'
import type { AuditResult } from './result.js'
import { readSuspects } from './suspect.js'
import { writeAudit } from './write-audit.js'

/** Return value of `audit`: the result and the written files. */
export interface AuditedFiles {
  /** Content of `audit.json`. */
  result: AuditResult
  /** Folder of the written files. */
  folder: string
  /** Names of the written files. */
  files: string[]
  /** Next steps for the flagged clusters, with the commands to run. */
  next: NextStep[]
  /** True if the results come from an earlier audit. Only the files were then written again. */
  reused: boolean
}

/** Classes that are audited at once: JavaScript searches one of them while the network runs for the others. */
const AT_ONCE = 4

type ClassEntry = { class: number } & ClassFindings

/**
 * Checks whether a classifier decides for the right reasons (docs/audit.md). It scores and explains every image, and
 * clusters the explanations of each predicted class (Lapuschkin et al. 2019). In every cluster, it searches for the
 * pattern that decides the class. It tests the pattern by intervention: it removes the pattern from its images, inserts
 * it into other images, and compares the effect with random regions.
 * @throws LrpError INVALID_ARGUMENT (the model is not a classifier, or a layer or rule is unknown), NOT_FOUND,
 * INVALID_FILE, IO, ABORTED
 */
export async function audit(model: Model, given: AuditOptions = {}): Promise<AuditedFiles> {
  const options = checkOptions(auditOptions, given)
  const { seed = 0, signal } = options
  if (model.task !== 'classification')
    throw new LrpError('INVALID_ARGUMENT', 'only a classifier can be audited: this model predicts values')
  const study = await openStudy(model, 'audit', auditOptions, options, 'epsilon-plus-flat')
  const { dataset, split, names, layer, folder } = study
  const head = await headOf(study, options)
  const images = new Images(model, dataset, split, signal)
  const suspects = await readSuspects(options.suspect ?? [], images)
  const key = digest([study.key, head, fingerprint(dataset)])
  const { log, done } = await openJournal<ClassEntry | PassEntry>({ folder, key }, '.audit.jsonl')
  let reused = true
  const { labels } = dataset.splits[split]
  const rows = join(folder, '.audit.f32')
  const measured = await measureInPasses(
    { log, done, path: rows },
    labels.length,
    (from, to) => {
      reused = false
      return observePass(study, from, to)
    },
    (all, total) => options.onProgress?.(all, total, 'images')
  )
  const observed = await observedOf(measured, dataset.imageShape, layer).finally(() => measured.rows.close())
  const right = observed.predicted.filter((one, i) => one === labels[i]).length
  const called = [...new Set(observed.predicted)].sort((a, b) => a - b)
  const earlier = done.filter((entry): entry is ClassEntry => 'class' in entry)
  let classesDone = earlier.length
  const findings = await inTurns(called, AT_ONCE, async (target) => {
    if (signal?.aborted) throw new LrpError('ABORTED', 'the audit was stopped: run the same command again to continue')
    const before = earlier.find((entry) => entry.class === target)
    if (before) return before
    reused = false
    const found = await auditClass(images, observed, target, dataset.classes[target]!, names, labels, seed, suspects)
    await log.add({ class: target, ...found })
    options.onProgress?.(++classesDone, called.length, 'classes')
    return found
  })
  const classes = findings.map(({ audited }) => audited)
  const result: AuditResult = {
    ...head,
    seed,
    accuracy: right / labels.length,
    images: labels.length,
    classes,
    flagged: classes.flatMap(({ class: name, clusters }) =>
      clusters.filter((one) => one.flagged).map(({ id, reason }) => ({ class: name, cluster: id, reason }))
    )
  }
  const next = nextSteps(model, result, options, folder)
  const patches = findings.flatMap(({ patches }) => patches)
  const sources = { title: titleOf(model), images, observed, classes: dataset.classes, names, labels, patches, next }
  const files = await writeAudit(result, sources, folder, options)
  return { result, folder, files, next, reused }
}

/** What `work` makes of every item, in their order; `count` items are worked on at once. */
async function inTurns<T, R>(items: T[], count: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++
      results[at] = await work(items[at]!)
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: count }, worker))
  for (const one of ended) if (one.status === 'rejected') throw one.reason
  return results
}
