import { safeName } from '../core/paths.js'
import { rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { z } from 'zod'
import { makeFolder, writeAtomic } from '../core/files.js'
import { LineLog } from '../core/journal.js'
import type { Tensor } from '../core/tensor.js'
import { writeNpz } from '../core/npy.js'
import { NpyRows } from '../data/npy-rows.js'
import { asFile } from '../model/layout.js'
import { nounOf } from '../model/input-kind.js'
import type { Model } from '../model/model.js'
import { legendOf } from '../plot/colour-maps.js'
import { figure, figureSvg } from '../plot/figure.js'
import { attentionArrays, drawAttention } from './attention.js'
import type { Explanation } from './explain.js'
import { removeEarlier } from './earlier-files.js'
import { drawFigures, drawLayers, type Figure } from './figures.js'
import { PICTURES, type explainToFilesOptions } from './file-options.js'
import { explanationHtml } from './html.js'
import type { Batch } from './inputs.js'
import { summaryJson, type ExplainSummary, type PassSummary } from './summary.js'

/** Writes the results of passes into a folder. */
export class ResultWriter {
  readonly files: string[] = []
  private readonly drawn: Figure[] = []
  private readonly arrays = new Map<string, NpyRows>()
  private log: LineLog<PassSummary> | undefined
  private continues = false

  constructor(
    private readonly model: Model,
    private readonly folder: string,
    private readonly options: z.output<typeof explainToFilesOptions>,
    private readonly images: number
  ) {}

  /** Starts writing; returns the passes that a stopped run has completed. */
  async begin(key: string | undefined): Promise<PassSummary[]> {
    await makeFolder(this.folder)
    const path = join(this.folder, '.explain.passes.jsonl')
    if (key === undefined) {
      await rm(path, { force: true }) // what an earlier run has done is written over
      return []
    }
    const isWhole = !this.options.format.includes('npy') || NpyRows.isBegun(join(this.folder, 'relevance.npy'))
    if (!isWhole) await rm(path, { force: true })
    const { log, done } = await LineLog.open<PassSummary>(path, key)
    this.log = log
    this.continues = done.length > 0
    return done
  }

  /** Keeps the results of the completed passes, so that the next run can continue. */
  async stop(): Promise<void> {
    for (const array of this.arrays.values()) await (this.log ? array.close() : array.discard())
  }

  async pass(
    batch: Batch,
    explanation: Explanation,
    from: number,
    comparison: Figure[],
    summary: Omit<PassSummary, 'files'>
  ): Promise<PassSummary> {
    const before = this.files.length
    const { relevance, inputs, logits, layers, attention } = explanation
    if (this.options.format.includes('npy')) {
      const leading = relevance.shape.length > batch.input.shape.length ? 1 : 0
      await this.rows('relevance', asFile(this.model, relevance), from, leading)
      await this.rows('logits', logits, from, 0)
      for (const [name, tensor] of Object.entries(inputs))
        await this.rows(`relevance-${safeName(name)}`, tensor, from, leading)
      for (const [layer, tensor] of Object.entries(layers))
        await this.rows(`layer.${safeName(layer)}`, tensor, from, leading)
      for (const [name, tensor] of Object.entries(attentionArrays(attention)))
        await this.rows(safeName(name), tensor, from, leading)
    }
    if (this.options.format.includes('npz')) {
      const path = join(this.folder, 'explanation.npz')
      const [input, map] = [asFile(this.model, batch.input), asFile(this.model, relevance)]
      const further = Object.fromEntries(Object.entries(inputs).map(([name, one]) => [`relevance-${name}`, one]))
      const tensors = { input, relevance: map, ...further, logits, ...layers, ...attentionArrays(attention) }
      const { names, paths } = batch
      const several = explanation.targets.length / names.length
      const targets = { data: explanation.targets, shape: several > 1 ? [several, names.length] : [names.length] }
      await writeNpz(path, tensors, { targets, names, ...(paths && { paths }) })
      this.files.push(path)
    }
    const isDrawn = this.options.format.some((format) => PICTURES.includes(format))
    const drawn = isDrawn && [
      ...(await drawFigures(this.model, batch, explanation, this.options)),
      ...drawLayers(this.model, batch.names, explanation, this.options),
      ...drawAttention(this.model, batch.input.shape.slice(1), batch.names, explanation, this.options),
      ...comparison
    ]
    await this.figures((drawn || []).map((one) => ({ ...one, name: safePath(one.name) })))
    const whole = { ...summary, files: this.written(before) }
    await this.log?.add(whole)
    return whole
  }

  /**
   * Writes the results of all images together, and removes files of an earlier explanation that the new one lacks.
   * @returns whether the earlier one had other settings
   */
  async finish(summary: ExplainSummary): Promise<boolean> {
    const before = this.files.length
    for (const [name, array] of this.arrays) {
      await array.finish()
      this.files.push(join(this.folder, `${name}.npy`))
    }
    this.arrays.clear()
    if (this.options.format.includes('html'))
      await this.write(
        'explanation.html',
        await explanationHtml(
          summary,
          this.drawn,
          nounOf(this.model.inputKind),
          legendOf(this.options.heatmap?.colourMap)
        )
      )
    summary.files = [...summary.files, ...this.written(before)].sort()
    const replaced = await removeEarlier(this.folder, summary)
    await this.write('explain.json', summaryJson(this.model.graph, summary))
    await this.log?.remove()
    return replaced
  }

  /** Names of the files from a number onwards, relative to the folder. */
  private written(from: number): string[] {
    return this.files.slice(from).map((path) => relative(this.folder, path))
  }

  private async rows(name: string, tensor: Tensor, from: number, leading: number): Promise<void> {
    const shape = tensor.shape.map((axis, i) => (i === leading ? this.images : axis))
    const path = join(this.folder, `${name}.npy`)
    if (!this.arrays.has(name)) this.arrays.set(name, await NpyRows.open(path, shape, this.continues))
    await this.arrays.get(name)!.write(tensor, from, leading)
  }

  private async figures(figures: Figure[]): Promise<void> {
    if (this.options.format.includes('html')) this.drawn.push(...figures)
    for (let from = 0; from < figures.length; from += FIGURES_AT_ONCE) {
      const some = figures.slice(from, from + FIGURES_AT_ONCE)
      const encoded = await Promise.all(some.map((one) => encode(one, this.options.format)))
      for (const [name, data] of encoded.flat()) await this.write(name, data)
    }
  }

  private async write(name: string, data: string | Uint8Array): Promise<void> {
    const path = join(this.folder, name)
    if (name.includes('/')) await makeFolder(dirname(path))
    await writeAtomic(path, data)
    this.files.push(path)
  }
}

/** sharp encodes pictures in other threads while this thread draws the next ones. */
const FIGURES_AT_ONCE = 4

/** The picture files of a figure, by name. */
async function encode(
  { name, panels, captions, options }: Figure,
  formats: readonly string[]
): Promise<[name: string, data: string | Buffer][]> {
  const files: [string, string | Buffer][] = []
  if (formats.includes('png')) files.push([`${name}.png`, await figure(panels, captions, options)])
  if (formats.includes('svg')) files.push([`${name}.svg`, await figureSvg(panels, captions, options)])
  return files
}

/** The folders of names such as `class/0000` stay. */
const safePath = (name: string): string => name.split('/').map(safeName).join('/')
