import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { totalmem } from 'node:os'
import { z } from 'zod'
import { asked } from '../core/command-line.js'
import { writeNpz } from '../data/npy.js'
import { NpyRows } from '../data/npy-rows.js'
import { LrpError } from '../core/errors.js'
import { makeFolder, writeAtomic } from '../core/files.js'
import type { Model } from '../model/model.js'
import { checkNames, checkOptions } from '../core/options.js'
import { colourMap } from '../plot/colour-maps.js'
import { figure, figureSvg } from '../plot/figure.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import { EXPLAIN_NAMES, explainWith, planOf, type ExplainOptions, type Explanation, type Target } from './explain.js'
import { drawComparison } from './compare.js'
import { checkEffects } from './effects.js'
import { drawFigures, drawLayers, VIEWS, type DrawOptions, type Figure } from './figures.js'
import { explanationHtml } from './html.js'
import { batchOf, INPUT_NAMES, openInputs, type Batch, type InputOptions, type Inputs } from './inputs.js'
import { namedMethod } from './named-method.js'
import { LineLog } from '../core/journal.js'
import { keyOf } from './pass-key.js'
import { IMAGE_SETTINGS, RULE_SETTINGS } from './settings.js'
import { summarise, summarisePass, type ExplainSummary, type PassSummary } from './summary.js'

export const FORMATS = ['png', 'svg', 'npy', 'npz', 'html'] as const
export type Format = (typeof FORMATS)[number]

export interface ExplainToFilesOptions extends Omit<ExplainOptions, 'target'>, InputOptions, DrawOptions {
  /** As for `explain`, or `label`: each image's true class. */
  target?: Target | 'label'
  /** Folder for the results. */
  output: string
  format?: Format[]
  /** Rules, composites and methods to show beside this one, in one grid over all images. */
  compare?: string[]
  /** Images that are held in memory at the same time; by default so many that they take about 128 MB, at most 256. */
  passSize?: number
}

const NAMES: Record<keyof ExplainToFilesOptions, true> = {
  ...EXPLAIN_NAMES,
  ...INPUT_NAMES,
  views: true,
  heatmap: true,
  wide: true,
  output: true,
  format: true,
  compare: true,
  passSize: true
}

export interface ExplainedFiles {
  /** What explain.json holds. */
  summary: ExplainSummary
  /** Everything that was computed; undefined where the images came in several passes. */
  explanation?: Explanation
  /** One name per image: its file, or its place in the data set. */
  names: string[]
  labels?: Int32Array
  /** Images of a data set or folder that could not be read and were left out. */
  skipped: string[]
  /** Files written. */
  files: string[]
  /** Images that a stopped run had done already. */
  doneBefore: number
}

const schema = z.object({
  limit: z.int().positive().optional(),
  split: z.enum(['train', 'valid', 'test']).optional(),
  format: z.array(z.enum(FORMATS)).min(1).optional(),
  views: z.array(z.enum(VIEWS)).min(1).optional(),
  passSize: z.int().positive().optional(),
  heatmap: z
    .looseObject({
      colourMap: z.string().optional(),
      quantile: z.number().gt(0).max(1).optional(),
      scale: z.union([z.enum(['image', 'batch']), z.number().positive()]).optional()
    })
    .optional()
})

const PASS_VALUES = 32e6
const MOST_IN_PASS = 256
const MEMORY_SHARE = 0.8

/**
 * Explains images and writes what was found: figures, arrays, `explain.json`. Many images come in passes, so that memory
 * stays bounded; where a run was stopped between two, the same call goes on after the last one that was done.
 * @throws LrpError as `explain`; NOT_FOUND and INVALID_FILE for inputs, IO for the output
 */
export async function explainToFiles(model: Model, options: ExplainToFilesOptions): Promise<ExplainedFiles> {
  checkNames(options, NAMES)
  const { format = ['png'] } = checkOptions(schema, options)
  if (options.heatmap?.colourMap) colourMap(options.heatmap.colourMap)
  options.compare?.forEach(namedMethod)
  checkEffects({ ...options, target: undefined }, options.compare)
  const inputs = await openInputs(model, options)
  const { names, labels, skipped, notes } = inputs
  if (options.target === 'label' && !labels)
    throw new LrpError('INVALID_ARGUMENT', 'the target label needs a data set with labels: these images have none')
  const passSize = await passSizeOf(model, inputs, options)
  const plan = await planOf(model, options as ExplainOptions)
  const writer = (options.group?.rank ?? 0) === 0 ? new Writer(model, options, format, names.length) : undefined
  const key =
    passSize < names.length ? await keyOf(model, inputs, plan, options as ExplainOptions, passSize) : undefined
  const begin = async (): Promise<PassSummary[]> => writer!.begin(key)
  const passes = options.group ? await options.group.fromFirst(begin) : await begin()
  const doneBefore = passes.reduce((sum, { images }) => sum + images.length, 0)
  let explanation: Explanation | undefined
  try {
    for (let from = doneBefore; from < names.length; from += passSize) {
      const batch = await batchOf(inputs, from, Math.min(names.length, from + passSize))
      const how = passOptions(options, batch, from, names.length)
      const begun = performance.now()
      explanation = await explainWith(model, batch.input, how)
      const pass = summarisePass(model, batch, explanation, performance.now() - begun)
      const { compare } = options
      const comparison = compare ? await drawComparison(model, batch, explanation, compare, how) : []
      await writer?.pass(batch, explanation, from, comparison, pass)
      passes.push(pass)
    }
    const settings = asked(options, [...RULE_SETTINGS, ...IMAGE_SETTINGS, 'target', 'together', 'layers'])
    const summary = summarise(model, plan, passes, settings)
    summary.warnings.push(...notes)
    await writer?.finish(summary)
    const whole = passes.length === 1 && doneBefore === 0
    return { summary, ...(whole && { explanation }), names, labels, skipped, files: writer?.files ?? [], doneBefore }
  } catch (error) {
    await writer?.stop()
    const done = passes.reduce((sum, { images }) => sum + images.length, 0)
    if ((error as LrpError).code !== 'ABORTED' || done === 0 || key === undefined) throw error
    throw new LrpError('ABORTED', `stopped after ${done} of ${names.length} images: the same again goes on from there`)
  }
}

/** What one pass is explained with. */
function passOptions(options: ExplainToFilesOptions, batch: Batch, from: number, total: number): ExplainOptions {
  const { target, onProgress, ...rest } = options
  const images = batch.names.length
  return {
    ...rest,
    ...(target === 'label' ? { targets: batch.labels! } : { target }),
    conservation: true,
    onProgress: (done, share) => onProgress?.(from + Math.round((done / share) * images), total)
  }
}

/** Some results need all images at once: then that is the pass. @throws LrpError INVALID_ARGUMENT where memory has no room */
async function passSizeOf(model: Model, { names }: Inputs, options: ExplainToFilesOptions): Promise<number> {
  const { target, format = [], wide, compare, heatmap, passSize } = options
  const outputs = target === 'all' ? await model.outputs() : 1
  const values = sizeOf(model.imageShape) * (Array.isArray(target) ? target.length : outputs)
  const least = Math.max(1, Math.min(MOST_IN_PASS, Math.floor(PASS_VALUES / values)))
  const needs = [
    ...['npz', 'html'].filter((one) => format.includes(one as Format)).map((one) => `the format ${one}`),
    ...(wide ? ['one wide picture'] : []),
    ...(compare ? ['a comparison'] : []),
    ...(heatmap?.scale === 'batch' ? ['one scale for all maps'] : [])
  ]
  if (needs.length === 0) return Math.min(names.length, passSize ?? least)
  const [needed, there] = [names.length * values * 12, totalmem() * MEMORY_SHARE].map((bytes) => bytes / 2 ** 30)
  if (needed! <= there!) return names.length
  const room = `${needed!.toFixed(1)} GiB of memory, this machine can give ${there!.toFixed(1)}`
  throw new LrpError('INVALID_ARGUMENT', `${needs.join(', ')} needs all ${names.length} images at once, ${room}`)
}

/** Writes the results of passes into a folder. */
class Writer {
  readonly files: string[] = []
  private readonly drawn: Figure[] = []
  private readonly arrays = new Map<string, NpyRows>()
  private log: LineLog<PassSummary> | undefined
  private goesOn = false

  constructor(
    private readonly model: Model,
    private readonly options: ExplainToFilesOptions,
    private readonly format: Format[],
    private readonly images: number
  ) {}

  /** The passes that a stopped run has done. */
  async begin(key: string | undefined): Promise<PassSummary[]> {
    await makeFolder(this.options.output)
    const path = join(this.options.output, '.explain.passes.jsonl')
    if (key === undefined) {
      await rm(path, { force: true }) // what an earlier run has done is written over
      return []
    }
    const isWhole = !this.format.includes('npy') || NpyRows.isBegun(join(this.options.output, 'relevance.npy'))
    if (!isWhole) await rm(path, { force: true })
    const { log, done } = await LineLog.open<PassSummary>(path, key)
    this.log = log
    this.goesOn = done.length > 0
    return done
  }

  /** What a run with a log has written stays, for the next to go on with. */
  async stop(): Promise<void> {
    for (const array of this.arrays.values()) await (this.log ? array.close() : array.discard())
  }

  async pass(
    batch: Batch,
    explanation: Explanation,
    from: number,
    comparison: Figure[],
    summary: PassSummary
  ): Promise<void> {
    const { relevance, logits, layers } = explanation
    if (this.format.includes('npy')) {
      const leading = relevance.shape.length > batch.input.shape.length ? 1 : 0
      await this.rows('relevance', relevance, from, leading)
      await this.rows('logits', logits, from, 0)
      for (const [layer, tensor] of Object.entries(layers))
        await this.rows(`layer.${safeName(layer)}`, tensor, from, leading)
    }
    if (this.format.includes('npz')) {
      const path = join(this.options.output, 'explanation.npz')
      await writeNpz(path, { input: batch.input, relevance, logits, ...layers })
      this.files.push(path)
    }
    const drawn = [
      ...drawFigures(this.model, batch, explanation, this.options),
      ...drawLayers(this.model, batch.names, explanation, this.options),
      ...comparison
    ]
    for (const one of drawn) await this.figure({ ...one, name: safePath(one.name) })
    await this.log?.add(summary)
  }

  async finish(summary: ExplainSummary): Promise<void> {
    for (const [name, array] of this.arrays) {
      await array.finish()
      this.files.push(join(this.options.output, `${name}.npy`))
    }
    this.arrays.clear()
    if (this.format.includes('html')) await this.write('explanation.html', await explanationHtml(summary, this.drawn))
    await this.write('explain.json', JSON.stringify(summary, null, 2) + '\n')
    await this.log?.remove()
  }

  private async rows(name: string, tensor: Tensor, from: number, leading: number): Promise<void> {
    const shape = tensor.shape.map((axis, i) => (i === leading ? this.images : axis))
    const path = join(this.options.output, `${name}.npy`)
    if (!this.arrays.has(name)) this.arrays.set(name, await NpyRows.open(path, shape, this.goesOn))
    await this.arrays.get(name)!.write(tensor, from, leading)
  }

  private async figure(one: Figure): Promise<void> {
    const { name, panels, captions, options } = one
    if (this.format.includes('png')) await this.write(`${name}.png`, await figure(panels, captions, options))
    if (this.format.includes('svg')) await this.write(`${name}.svg`, await figureSvg(panels, captions, options))
    if (this.format.includes('html')) this.drawn.push(one)
  }

  private async write(name: string, data: string | Uint8Array): Promise<void> {
    const path = join(this.options.output, name)
    if (name.includes('/')) await makeFolder(dirname(path))
    await writeAtomic(path, data)
    this.files.push(path)
  }
}

const safeName = (name: string): string => name.replace(/[^\w.-]+/g, '_')

/** The folders of names such as `class/0000` stay. */
const safePath = (name: string): string => name.split('/').map(safeName).join('/')
