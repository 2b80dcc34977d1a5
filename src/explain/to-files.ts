import { existsSync, statSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { z } from 'zod'
import { asked, type Asked } from '../asked.js'
import { loadImages, type Dataset, type SplitName } from '../data/dataset.js'
import { isImageFile, listImages } from '../data/folder.js'
import { npyBytes, readNpy, writeNpz } from '../data/npy.js'
import type { DataOptions } from '../data/open.js'
import { LrpError } from '../errors.js'
import { makeFolder, writeAtomic } from '../files.js'
import type { Model } from '../model/model.js'
import { normaliseBytes, readImage } from '../model/preprocessing.js'
import { checkOptions } from '../options.js'
import { colourMap } from '../plot/colour-maps.js'
import { figure, figureSvg } from '../plot/figure.js'
import { sizeOf, type Tensor } from '../tensor.js'
import { argmax, softmax } from '../evaluate/classification.js'
import { checkFit, openFor } from '../evaluate/test.js'
import { explain, type ExplainOptions, type Explanation, type Target } from './explain.js'
import { drawComparison } from './compare.js'
import { drawFigures, drawLayers, VIEWS, type DrawOptions } from './figures.js'
import { explanationHtml } from './html.js'
import { namedMethod } from './named-method.js'
import { IMAGE_SETTINGS, RULE_SETTINGS } from './settings.js'

export const FORMATS = ['png', 'svg', 'npy', 'npz', 'html'] as const
export type Format = (typeof FORMATS)[number]

export interface ExplainToFilesOptions
  extends Omit<ExplainOptions, 'target'>, Omit<DataOptions, 'data' | 'seed'>, DrawOptions {
  /** As for `explain`, or `label`: each image's true class. */
  target?: Target | 'label'
  /** Images, folders of images, or one .npy file (taken as it is); instead of a data set. */
  input?: string[]
  data?: string | Dataset
  split?: SplitName
  /** At most so many images; 10 for data sets. */
  limit?: number
  /** Folder for the results. */
  output: string
  format?: Format[]
  /** Rules, composites and methods to show beside this one, in one grid over all images. */
  compare?: string[]
}

export interface ExplainedFiles {
  explanation: Explanation
  /** One name per image: its file, or its place in the data set. */
  names: string[]
  labels?: Int32Array
  files: string[]
  milliseconds: number
}

const schema = z.object({
  limit: z.int().positive().optional(),
  split: z.enum(['train', 'valid', 'test']).optional(),
  format: z.array(z.enum(FORMATS)).min(1).optional(),
  views: z.array(z.enum(VIEWS)).min(1).optional(),
  heatmap: z
    .looseObject({
      colourMap: z.string().optional(),
      quantile: z.number().gt(0).max(1).optional(),
      scale: z.union([z.enum(['image', 'batch']), z.number().positive()]).optional()
    })
    .optional()
})

interface Batch {
  input: Tensor
  names: string[]
  labels?: Int32Array
}

/**
 * Explains images and writes what was found: figures, arrays, `explain.json`.
 * @throws LrpError as `explain`; NOT_FOUND and INVALID_FILE for inputs, IO for the output
 */
export async function explainToFiles(model: Model, options: ExplainToFilesOptions): Promise<ExplainedFiles> {
  const { format = ['png'] } = checkOptions(schema, options, 'explain')
  if (options.heatmap?.colourMap) colourMap(options.heatmap.colourMap)
  options.compare?.forEach(namedMethod)
  const batch = await readInputs(model, options)
  const { target, ...rest } = options
  const chosen = target === 'label' ? { targets: labelsOf(batch) } : { target }
  const begun = performance.now()
  const explanation = await explain(model, batch.input, { ...rest, conservation: true, ...chosen })
  const milliseconds = performance.now() - begun
  const comparison = options.compare
    ? await drawComparison(model, batch, explanation, options.compare, { ...rest, ...chosen })
    : []
  const found = { explanation, names: batch.names, labels: batch.labels, milliseconds }
  if (options.group && options.group.rank > 0) return { ...found, files: [] }
  await makeFolder(options.output)
  const files: string[] = []
  const write = async (name: string, data: string | Uint8Array): Promise<void> => {
    await writeAtomic(join(options.output, name), data)
    files.push(join(options.output, name))
  }
  if (format.includes('npy')) {
    await write('relevance.npy', npyBytes(explanation.relevance))
    await write('logits.npy', npyBytes(explanation.logits))
    for (const [layer, tensor] of Object.entries(explanation.layers))
      await write(`layer.${safeName(layer)}.npy`, npyBytes(tensor))
  }
  if (format.includes('npz')) {
    const path = join(options.output, 'explanation.npz')
    await writeNpz(path, {
      input: batch.input,
      relevance: explanation.relevance,
      logits: explanation.logits,
      ...explanation.layers
    })
    files.push(path)
  }
  const drawn = [
    ...drawFigures(model, batch, explanation, options),
    ...drawLayers(model, batch.names, explanation, options),
    ...comparison
  ]
  const figures = drawn.map((one) => ({ ...one, name: safeName(one.name) }))
  for (const { name, panels, captions, options } of figures) {
    if (format.includes('png')) await write(`${name}.png`, await figure(panels, captions, options))
    if (format.includes('svg')) await write(`${name}.svg`, await figureSvg(panels, captions, options))
  }
  const settings = asked(options, [...RULE_SETTINGS, ...IMAGE_SETTINGS, 'target', 'together', 'layers'])
  const summary = { ...summarise(model, batch, explanation, milliseconds), settings }
  if (format.includes('html')) await write('explanation.html', await explanationHtml(summary, figures))
  await write('explain.json', JSON.stringify(summary, null, 2) + '\n')
  return { ...found, files }
}

function labelsOf(batch: Batch): Int32Array {
  if (!batch.labels)
    throw new LrpError('INVALID_ARGUMENT', 'the target label needs a data set with labels: these images have none')
  return batch.labels
}

/** The images to explain as one tensor. */
export async function readInputs(model: Model, options: Omit<ExplainToFilesOptions, 'output'>): Promise<Batch> {
  if (!options.input || options.input.length === 0) return readDataset(model, options)
  const arrays = options.input.filter((path) => extname(path) === '.npy')
  if (arrays.length > 0) {
    if (options.input.length > 1) throw new LrpError('INVALID_ARGUMENT', 'give one .npy file, or images')
    return readArray(model, arrays[0]!, options.limit)
  }
  return readImages(model, options.input, options.limit)
}

async function readArray(model: Model, path: string, limit = Infinity): Promise<Batch> {
  const all = await readNpy(path)
  const single = all.shape.length === model.graph.inputShape.length - 1
  const shape = single ? [1, ...all.shape] : all.shape
  const count = Math.min(limit, shape[0]!)
  const input = { data: all.data.subarray(0, count * sizeOf(shape.slice(1))), shape: [count, ...shape.slice(1)] }
  return { input, names: Array.from({ length: count }, (_, i) => String(i)) }
}

async function readImages(model: Model, inputs: string[], limit = Infinity): Promise<Batch> {
  const paths = inputs.flatMap((path) => {
    if (!existsSync(path)) throw new LrpError('NOT_FOUND', `the input ${path} does not exist`)
    return statSync(path).isDirectory() ? listImages(path) : [path]
  })
  if (paths.length === 0) throw new LrpError('NOT_FOUND', `${inputs.join(', ')} holds no images`)
  const unknown = paths.find((path) => !isImageFile(path))
  if (unknown) throw new LrpError('INVALID_ARGUMENT', `${unknown} is neither an image nor a .npy file`)
  const { preprocessing } = model
  if (!preprocessing)
    throw new LrpError('INVALID_ARGUMENT', 'the model has no preprocessing for images: give --preprocess')
  const chosen = paths.slice(0, limit)
  const images = await Promise.all(chosen.map((path) => readImage(path, preprocessing)))
  const size = sizeOf(images[0]!.shape)
  const bytes = new Uint8Array(images.length * size)
  images.forEach((image, i) => {
    if (image.bytes.length !== size)
      throw new LrpError('INVALID_ARGUMENT', `${chosen[i]} has another size than the images before it`)
    bytes.set(image.bytes, i * size)
  })
  return {
    input: normaliseBytes(bytes, [images.length, ...images[0]!.shape], preprocessing),
    names: uniqueNames(chosen)
  }
}

async function readDataset(model: Model, options: Omit<ExplainToFilesOptions, 'output'>): Promise<Batch> {
  const { split = 'test', limit = 10 } = options
  const dataset = typeof options.data === 'object' ? options.data : await openFor(model, options)
  checkFit(model, dataset, split)
  const count = Math.min(limit, dataset.splits[split].labels.length)
  const { bytes, shape } = await loadImages(dataset, split, 0, count)
  const { paths, labels } = dataset.splits[split]
  const names = paths
    ? uniqueNames(paths.slice(0, count))
    : Array.from({ length: count }, (_, i) => String(i).padStart(5, '0'))
  return {
    input: normaliseBytes(bytes, shape, model.preprocessing!),
    names,
    ...(model.task === 'classification' && { labels: labels.slice(0, count) })
  }
}

function uniqueNames(paths: string[]): string[] {
  const seen = new Map<string, number>()
  return paths.map((path) => {
    const name = basename(path, extname(path))
    const times = seen.get(name) ?? 0
    seen.set(name, times + 1)
    return times === 0 ? name : `${name}_${times}`
  })
}

const safeName = (name: string): string => name.replace(/[^\w.-]+/g, '_')

export interface ExplainSummary {
  method: string
  settings: Asked
  model: string
  device: string
  /** One per image. */
  images: {
    name: string
    predicted: number
    /** Of the predicted class; absent for regression. */
    confidence?: number
    /** What a regression predicts. */
    outputs?: number[]
    target: number[]
    label?: number
    sumOfRelevance: number[]
    conservationError: number[]
  }[]
  rules: Record<string, string>
  /** Per layer, mean over images of the first target: relevance arriving, handed on, absorbed. */
  layers: Record<string, { sum: number; handedOn: number; absorbedByBias: number; absorbedByStabiliser: number }>
  target: number[]
  conservationError: number
  milliseconds: number
  warnings: string[]
}

function summarise(
  model: Model,
  batch: Batch,
  explanation: Explanation,
  milliseconds: number
): Omit<ExplainSummary, 'settings'> {
  const images = batch.names.length
  const maps = explanation.relevance.data.length / batch.input.data.length
  const size = batch.input.data.length / images
  const probabilities = softmax(explanation.logits)
  const guesses = argmax(explanation.logits)
  const classes = explanation.logits.shape[1]!
  const perMap = <T>(pick: (index: number) => T, i: number): T[] =>
    Array.from({ length: maps }, (_, t) => pick(t * images + i))
  const sum = (index: number): number =>
    explanation.relevance.data.subarray(index * size, (index + 1) * size).reduce((a, b) => a + b, 0)
  const mean = (values: Float64Array): number =>
    values.reduce((total, value) => total + value, 0) / Math.max(1, values.length)
  return {
    method: explanation.name,
    model: model.name,
    device: model.device,
    target: Array.from(explanation.targets),
    conservationError: mean(explanation.conservationError),
    milliseconds: Math.round(milliseconds * 1000) / 1000,
    warnings: explanation.warnings,
    rules: Object.fromEntries(explanation.rules.map((rule) => [rule.node, describeRule(rule)])),
    layers: Object.fromEntries(
      explanation.conservation.map((layer) => [
        layer.node,
        {
          sum: mean(layer.arriving),
          handedOn: mean(layer.handedOn),
          absorbedByBias: mean(layer.absorbedByBias),
          absorbedByStabiliser: mean(layer.absorbedByStabiliser)
        }
      ])
    ),
    images: batch.names.map((name, i) => ({
      name,
      predicted: guesses[i]!,
      ...(model.task === 'regression'
        ? { outputs: Array.from(explanation.logits.data.subarray(i * classes, (i + 1) * classes)) }
        : { confidence: probabilities[i * classes + guesses[i]!]! }),
      target: perMap((index) => explanation.targets[index]!, i),
      ...(batch.labels && { label: batch.labels[i]! }),
      sumOfRelevance: perMap(sum, i),
      conservationError:
        explanation.conservationError.length > 0 ? perMap((index) => explanation.conservationError[index]!, i) : []
    }))
  }
}

/** A rule with its parameters, as people write it: `epsilon(epsilon=1e-6)`. */
export function describeRule(rule: { rule: string; parameters: object }): string {
  const parameters = Object.entries(rule.parameters).map(
    ([name, value]) => `${name}=${Array.isArray(value) ? `[${value.join(', ')}]` : String(value)}`
  )
  return parameters.length > 0 ? `${rule.rule}(${parameters.join(', ')})` : rule.rule
}
