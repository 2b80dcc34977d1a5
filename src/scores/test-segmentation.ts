import { existsSync } from 'node:fs'
import { extname, join, relative } from 'node:path'
import { recordedSettings } from '../core/command-line.js'
import { LrpError } from '../core/errors.js'
import { positionClasses } from '../core/logits.js'
import { checkOptions, optionError } from '../core/options.js'
import { sizeOf } from '../core/tensor.js'
import { arrangeImage, isArranged } from '../data/arrange-image.js'
import { readLabels } from '../data/read-labels.js'
import { openInputs } from '../explain/inputs.js'
import type { Model } from '../model/model.js'
import { maskPreprocessing } from '../model/preprocessing.js'
import { provenanceOf } from '../model/provenance.js'
import { barChart, confusionChart } from '../plot/chart.js'
import { ResultFolder } from '../plot/result-folder.js'
import { testOptions, type TestOptions } from './options.js'
import { PixelCounts, type SegmentationMetrics } from './segmentation.js'
import { writes, type SplitResult } from './split-outputs.js'

/** What `testSegmentation` finds. */
export interface SegmentationResult extends SplitResult {
  /** Scores over all pixels that have a label. */
  metrics: SegmentationMetrics
}

/** Pixels that nobody labelled, as in PASCAL VOC. */
const UNLABELLED = 255
const AT_ONCE = 8

/**
 * Scores a dense network on a folder of images and a folder of masks of the same names. A mask is resized and cropped like
 * its image, and to the size of the output, without mixing pixels.
 * @throws LrpError NOT_FOUND for a missing mask; INVALID_ARGUMENT for classes that the network does not have; INVALID_FILE
 */
export async function testSegmentation(model: Model, options: TestOptions): Promise<SegmentationResult> {
  const { dataPath, masks, limit, batchSize = AT_ONCE, signal, strict, decode } = checkOptions(testOptions, options)
  if (dataPath === undefined || masks === undefined)
    throw optionError('masks', ' works only together with --data-path, the folder of images')
  if (options.group) throw optionError('group', ' cannot be combined with masks, which one process scores')
  const inputs = await openInputs(model, { input: [dataPath], limit, strict, decode })
  const { paths = [], skipped } = inputs
  let [counts, seconds]: [PixelCounts | undefined, number] = [undefined, 0]
  for (let from = 0; from < paths.length; from += batchSize) {
    const to = Math.min(paths.length, from + batchSize)
    const input = await inputs.read(from, to)
    const begun = performance.now()
    const output = await model.forward(input, { signal })
    seconds += (performance.now() - begun) / 1000
    if (output.shape.length !== 4)
      throw new LrpError(
        'UNSUPPORTED',
        `option 'masks' needs a network with an output [batch, classes, height, width], not [${output.shape.join(', ')}]`
      )
    const [classes, height, width] = output.shape.slice(1) as [number, number, number]
    counts ??= new PixelCounts(Math.max(2, classes))
    const predicted = positionClasses(output)
    for (let i = from; i < to; i++) {
      const path = maskOf(masks, relative(dataPath, paths[i]!))
      const labels = await labelsAt(model, path, input.shape, [height, width])
      const own = predicted.subarray((i - from) * height * width, (i - from + 1) * height * width)
      counts.add(own, classesOf(labels, classes, path))
    }
    options.onProgress?.(to, paths.length)
  }
  const metrics = counts!.metrics(model.classes ?? [])
  const provenance = await provenanceOf(model)
  const result = { metrics, imagesPerSecond: paths.length / seconds, skipped, provenance }
  return { ...result, files: writes(options) ? await write(options.output!, options, result) : [] }
}

/** The mask with an image's name. */
function maskOf(folder: string, image: string): string {
  const path = join(folder, `${image.slice(0, image.length - extname(image).length)}.png`)
  if (!existsSync(path)) throw new LrpError('NOT_FOUND', `the image ${image} has no mask: ${path} does not exist`)
  return path
}

/** The mask's numbers at the positions of the output. */
async function labelsAt(
  { preprocessing }: Model,
  path: string,
  input: number[],
  [height, width]: [number, number]
): Promise<Uint8Array> {
  const { data, height: rows, width: columns } = await readLabels(path)
  const plan = maskPreprocessing(preprocessing)
  const shape: [number, number, number] = [1, rows, columns]
  const arranged = isArranged(shape, plan) ? { bytes: data, shape } : await arrangeImage(data, shape, plan, path)
  const [h, w] = arranged.shape.slice(1) as [number, number]
  if (h !== input[2] || w !== input[3])
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the mask ${path} is ${h}x${w} pixels, but its image is ${input[2]}x${input[3]}`
    )
  const result = new Uint8Array(sizeOf([height, width]))
  for (let y = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * h) / height) * w
    for (let x = 0; x < width; x++) result[y * width + x] = arranged.bytes[row + Math.floor(((x + 0.5) * w) / width)]!
  }
  return result
}

/** Classes of the pixels. A single logit tells what is above 0 from the rest. */
function classesOf(labels: Uint8Array, classes: number, path: string): (number | undefined)[] {
  return Array.from(labels, (label) => {
    if (classes === 1) return Number(label > 0)
    if (label === UNLABELLED && classes <= UNLABELLED) return undefined
    if (label < classes) return label
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the mask ${path} contains the class ${label}, but the model has the classes 0 to ${classes - 1}`
    )
  })
}

async function write(
  folder: string,
  options: TestOptions,
  { metrics, ...about }: Omit<SegmentationResult, 'files'>
): Promise<string[]> {
  const out = new ResultFolder(folder)
  const { perClass, confusion } = metrics
  const names = perClass.map((one) => one.class)
  const head = {
    task: 'segmentation',
    data: options.dataPath,
    masks: options.masks,
    settings: recordedSettings(testOptions, options)
  }
  await out.json('metrics.json', { ...head, ...about, ...metrics })
  const table = perClass.map(({ class: name, iou, pixels }) => [name, iou === null ? '' : iou.toFixed(6), pixels])
  await out.csv('per-class.csv', [['class', 'iou', 'pixels'], ...table])
  await out.chart('confusion', confusionChart(confusion, names))
  const ious = perClass.map(({ iou }) => iou ?? 0)
  await out.chart('per-class', barChart('IoU per class', 'IoU', names, ious, { min: 0, max: 1 }))
  return out.files
}
