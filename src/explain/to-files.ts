import { totalmem } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import type { z } from 'zod'
import { recordedSettings } from '../core/command-line.js'
import { LrpError } from '../core/errors.js'
import { pickOptions } from '../core/option.js'
import { checkEffects, effective } from '../core/option-effects.js'
import { checkOptions, optionError } from '../core/options.js'
import { listed } from '../core/plural.js'
import { loadedWith } from '../model/loaded-with.js'
import type { Model } from '../model/model.js'
import { provenanceOf } from '../model/provenance.js'
import { explain, type Explanation } from './explain.js'
import { checkExplainEffects, planOf } from './prepare.js'
import { checkExplanation } from './check.js'
import { drawComparison } from './compare.js'
import { explainToFilesOptions, type ExplainToFilesOptions } from './file-options.js'
import { recordCall } from './call.js'
import { batchOf, openInputs, type Batch, type Inputs } from './inputs.js'
import { namedMethod } from './named-method.js'
import { explainOptions, type ExplainOptions } from './options.js'
import { keyOf } from './pass-key.js'
import { defaultPassSize, valuesOfMaps } from './pass-size.js'
import { resultName } from './result-name.js'
import { ResultWriter } from './result-writer.js'
import { flatTarget, withoutHead, type Flat } from './targets/options.js'
import { referenceOf } from './targets/reference.js'
import { summarise, summarisePass, type ExplainSummary, type PassSummary } from './summary.js'
import type { Trust } from './trust.js'

type Given = Flat<z.output<typeof explainToFilesOptions>>

/** Return value of `explainToFiles`: the content of explain.json, and the written files. */
export interface ExplainedFiles {
  /** The content of explain.json. */
  summary: ExplainSummary
  /** The complete explanation; undefined if it was computed in several passes. */
  explanation?: Explanation
  /** Name of each image: its file name, or its position in the data set. */
  names: string[]
  /** Class of each image, if the data set has labels. */
  labels?: Int32Array
  /** Unreadable images of a data set or folder, which were skipped. */
  skipped: string[]
  /** Folder of the written files. */
  folder: string
  /** Names of the written files. */
  files: string[]
  /** Number of images that a stopped run had already explained. */
  doneBefore: number
  /** True if the folder contained an explanation with other settings, which was deleted. */
  replaced: boolean
}

const MEMORY_SHARE = 0.8

/** Images that were explained together. */
interface ExplainedPass {
  /** Number of images before them. */
  from: number
  batch: Batch
  how: ExplainOptions
  explanation: Explanation
  milliseconds: number
}

/**
 * Explains images and writes figures, arrays and `explain.json`. It explains the images in passes, which limits the
 * memory. The same call continues a stopped run after the last complete pass.
 * @throws LrpError as `explain`; NOT_FOUND and INVALID_FILE for inputs, IO for the output
 */
export function explainToFiles(model: Model, given: ExplainToFilesOptions): Promise<ExplainedFiles> {
  return run(model, given, given)
}

/** @param called the options of the call, with the head that `model` starts from already */
async function run(model: Model, given: ExplainToFilesOptions, called: ExplainToFilesOptions): Promise<ExplainedFiles> {
  const checked = checkOptions(explainToFilesOptions, given)
  checked.compare?.forEach(namedMethod)
  const options = await prepared(model, checked)
  checkExplainEffects(given as ExplainOptions, checked.compare)
  checkEffects(explainToFilesOptions, given, { format: checked.format })
  if (options.head !== undefined) return run(await model.head(options.head), withoutHead(given), called)
  if (options.check && (options.method !== 'lrp' || options.concepts))
    throw optionError('check', ` works only with the method lrp, and not together with concepts`)
  const inputs = await openInputs(model, options)
  const { names, labels, skipped, notes } = inputs
  if (options.target === 'label' && !labels)
    throw new LrpError(
      'INVALID_ARGUMENT',
      "the target 'label' needs a data set with labels, but these images have none"
    )
  const passSize = await passSizeOf(model, inputs, options)
  const plan = await planOf(model, checked)
  const asked = flatTarget({ ...called, target: called.target ?? 'argmax' } as z.output<typeof explainToFilesOptions>)
  const folder = options.output ?? model.resultFolder('explanations', resultName(model, plan.name, asked))
  const writer = (options.group?.rank ?? 0) === 0 ? new ResultWriter(model, folder, checked, names.length) : undefined
  const provenance = beside(provenanceOf(model))
  const isLong = passSize < names.length
  const key = isLong ? await keyOf(await provenance, inputs, plan, { ...checked, passSize }) : undefined
  const begin = async (): Promise<PassSummary[]> => writer!.begin(key)
  const passes = options.group ? await options.group.fromFirst(begin) : await begin()
  const doneBefore = passes.reduce((sum, { images }) => sum + images.length, 0)
  let explanation: Explanation | undefined
  try {
    const explainFrom = async (from: number): Promise<ExplainedPass> => {
      const batch = await batchOf(inputs, from, Math.min(names.length, from + passSize))
      const how = passOptions(options, batch, from, names.length)
      const begun = performance.now()
      const found = await explain(model, batch.input, how)
      return { from, batch, how, explanation: found, milliseconds: performance.now() - begun }
    }
    const following = (from: number): Promise<ExplainedPass> | undefined =>
      from < names.length ? beside(explainFrom(from)) : undefined
    const { compare } = options
    const isAhead = !compare && !options.group // otherwise, the processes of a group would not take the same turns
    for (let pass = following(doneBefore); pass;) {
      const { from, batch, how, milliseconds, ...rest } = await pass
      explanation = rest.explanation
      const ahead = isAhead ? following(from + passSize) : undefined
      await setImmediate() // the next pass begins before the results of this one are written
      const found = summarisePass(model, batch, explanation, milliseconds, checked)
      const comparison = compare ? await drawComparison(model, batch, explanation, compare, { ...options, ...how }) : []
      passes.push((await writer?.pass(batch, explanation, from, comparison, found)) ?? { ...found, files: [] })
      pass = ahead ?? following(from + passSize)
    }
    const trust = options.check ? await checkFirst(model, inputs, options) : undefined
    const asking = {
      settings: { ...loadedWith(model), ...recordedSettings(explainToFilesOptions, called) },
      call: recordCall(model, called, plan.rules)
    }
    const summary = summarise(model, plan, passes, asking, await provenance, trust)
    summary.warnings.push(...notes)
    const replaced = (await writer?.finish(summary)) ?? false
    const whole = passes.length === 1 && doneBefore === 0
    const result = { summary, ...(whole && { explanation }), names, labels, skipped }
    return { ...result, folder, files: writer?.files ?? [], doneBefore, replaced }
  } catch (error) {
    await writer?.stop()
    const done = passes.reduce((sum, { images }) => sum + images.length, 0)
    if ((error as LrpError).code !== 'ABORTED' || done === 0 || key === undefined) throw error
    throw new LrpError(
      'ABORTED',
      `the run was stopped after ${done} of ${names.length} images: run the same command again to continue`
    )
  }
}

/** Work that is awaited later; until then its failure is not reported. */
function beside<T>(work: Promise<T>): Promise<T> {
  work.catch(() => {})
  return work
}

/** The options with the target taken apart; files that the target names are read once for all passes. */
async function prepared(model: Model, checked: z.output<typeof explainToFilesOptions>): Promise<Given> {
  const options = flatTarget(checked)
  const { reference, imageSize } = options
  if (reference === undefined) return options
  const size = typeof imageSize === 'number' ? [imageSize, imageSize] : imageSize
  return { ...options, reference: await referenceOf(model, reference, size) }
}

/** Number of images that are checked. */
const CHECKED = 3

async function checkFirst(model: Model, inputs: Inputs, options: Given): Promise<Trust> {
  const batch = await batchOf(inputs, 0, Math.min(CHECKED, inputs.names.length))
  const { group: _, ...how } = passOptions(options, batch, 0, batch.names.length)
  return checkExplanation(model, batch.input, how)
}

/** The options of one pass. */
function passOptions(options: Given, batch: Batch, from: number, total: number): ExplainOptions {
  const { target, outputRelevance, onProgress, method, compare } = options
  const images = batch.names.length
  const own = compare ? effective(explainOptions, options, { method }) : options
  return {
    ...pickOptions(explainOptions, own),
    ...(outputRelevance && { seed: outputRelevance }),
    ...(target === 'label' ? { target: undefined, targets: batch.labels! } : {}),
    conservation: true,
    onProgress: (done, share) => onProgress?.(from + Math.round((done / share) * images), total)
  }
}

/**
 * Number of images per pass; all of them if a result needs all images at once.
 * @throws LrpError INVALID_ARGUMENT if they do not fit into memory
 */
async function passSizeOf(model: Model, { names }: Inputs, options: Given): Promise<number> {
  const { target, format, wide, compare, heatmap, passSize } = options
  const needs = [
    ...['npz', 'html'].filter((one) => format.includes(one as 'npz')).map((one) => `the format ${one}`),
    ...(wide ? ['one wide picture'] : []),
    ...(compare ? ['a comparison'] : []),
    ...(heatmap?.scale === 'batch' ? ['one scale for all maps'] : [])
  ]
  if (needs.length === 0) return Math.min(names.length, passSize ?? (await defaultPassSize(model, target)))
  const [needed, there] = [names.length * (await valuesOfMaps(model, target)) * 12, totalmem() * MEMORY_SHARE].map(
    (bytes) => bytes / 2 ** 30
  )
  if (needed! <= there!) return names.length
  const room = `${needed!.toFixed(1)} GiB of memory, but only ${there!.toFixed(1)} GiB are available`
  throw new LrpError(
    'INVALID_ARGUMENT',
    `all ${names.length} images must be in memory at once for ${listed(needs)}, which needs ${room}`
  )
}
