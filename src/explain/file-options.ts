import * as z from 'zod'
import { option, outputPath } from '../core/option.js'
import { modelDataOption, dataOptions } from '../data/options.js'
import { colourMapNames } from '../plot/colour-maps.js'
import { explainOptions } from './options.js'

export const FORMATS = ['png', 'svg', 'npy', 'npz', 'html'] as const
export type Format = (typeof FORMATS)[number]

/** The formats that show pictures. */
export const PICTURES: readonly string[] = ['png', 'svg', 'html'] satisfies Format[]
const DRAWN = { format: PICTURES }

/** How a figure can show each map next to the original image. */
export const VIEWS = ['heatmap', 'overlay', 'contours'] as const
export type View = (typeof VIEWS)[number]

/** Options that choose the images. */
export const inputOptions = z.strictObject({
  input: option(z.array(z.string()).min(1), {
    help: 'images to use instead of a data set: image files, folders of images, or one .npy file with preprocessed values',
    group: 'images',
    unit: 'paths',
    files: 'images',
    commas: false
  }),
  split: option(z.enum(['train', 'valid', 'test']).default('test'), {
    help: 'data set split to use',
    group: 'images'
  }),
  limit: option(z.int().min(1), {
    help: 'maximum number of images to use',
    group: 'images',
    unit: 'images',
    default: '10 for a data set, all for --input'
  }),
  images: option(z.array(z.int().min(0)).min(1), {
    help: 'indices of the images to use, counted from 0 within the split or the .npy file',
    group: 'images',
    unit: 'indices',
    commas: true
  }),
  ...dataOptions.omit({ data: true, seed: true, task: true, preprocessing: true, randomCrop: true }).shape,
  data: modelDataOption
})

/** Options that choose a split of a data set. */
export const splitOptions = inputOptions.omit({ input: true, images: true }).extend({
  limit: option(z.int().min(1), {
    help: 'maximum number of images to use',
    group: 'images',
    unit: 'images',
    default: 'all images'
  })
})

export type InputOptions = z.input<typeof inputOptions>

/** Options for drawing maps. */
export const drawOptions = z.strictObject({
  views: option(z.array(z.enum(VIEWS)).min(1).default(['heatmap']), {
    help: 'kinds of pictures to draw for each map',
    group: 'output',
    unit: 'names',
    commas: true,
    only: DRAWN
  }),
  heatmap: z
    .strictObject({
      colourMap: option(z.enum(colourMapNames()), {
        help: 'colour map of the heatmaps',
        group: 'output',
        default: 'red-blue; for methods without negative relevance, viridis from the lowest to the highest value',
        only: DRAWN
      }),
      quantile: option(z.number().gt(0).max(1), {
        help: 'quantile of the absolute relevance that gets the strongest colour',
        group: 'output',
        unit: 'fraction',
        default: '1',
        only: DRAWN
      }),
      scale: option(z.union([z.enum(['image', 'batch']), z.number().positive()]), {
        help: 'relevance that gets the strongest colour: the maximum of each image (image), the maximum of all images (batch), or a number',
        group: 'output',
        unit: 'scale',
        default: 'image',
        only: DRAWN
      }),
      asymmetric: option(z.boolean(), {
        help: 'map the colours to the range from the lowest to the highest relevance, instead of a range symmetric about zero',
        group: 'output',
        only: DRAWN
      })
    })
    .optional(),
  wide: option(z.boolean(), {
    help: 'also draw all images and their maps in one wide picture',
    group: 'output',
    only: DRAWN
  })
})

export type DrawOptions = z.input<typeof drawOptions>

const { target } = explainOptions.shape

/** Options of `explainToFiles`. */
export const explainToFilesOptions = z.strictObject({
  ...inputOptions.shape,
  ...explainOptions.shape,
  target: option(target, {
    ...(target.meta() as { group: 'what' }),
    help: 'classes to explain: numbers or names separated by commas, argmax (the predicted class), label (the true class) or all'
  }),
  ...drawOptions.shape,
  output: option(outputPath, {
    help: 'folder for explain.json, the maps and the pictures',
    group: 'output',
    unit: 'folder',
    default:
      "explanations/<rule> in the experiment's folder, or in the current folder if the model is not an experiment; a target other than the default adds a suffix, such as -target-3",
    resume: false
  }),
  format: option(z.array(z.enum(FORMATS)).min(1).default(['png']), {
    help: 'formats of the files to write',
    group: 'output',
    unit: 'names',
    commas: true
  }),
  compare: option(z.array(z.string()).min(1), {
    help: 'rules, composites and methods whose maps are drawn in a grid next to the explanation',
    group: 'output',
    unit: 'names',
    commas: true,
    files: 'settings',
    only: DRAWN
  }),
  check: option(z.boolean(), {
    help: 'also check how far the maps can be trusted (docs/background/trust.md): compare them with maps in float64 and with gradient x input, and measure conservation',
    group: 'output',
    resume: false
  }),
  passSize: option(z.int().min(1), {
    help: 'number of images in one pass; two passes are in memory at the same time',
    group: 'machine',
    flag: false,
    default: 'as many as fit into 64 MB, at most 256'
  })
})

/** Options of `explainToFiles`: the options of `explain`, images, formats, pictures (docs/options.md). */
export type ExplainToFilesOptions = z.input<typeof explainToFilesOptions>

/** The samples that patterns are fitted to: those that activate a unit (`positive`), or all. */
export const PATTERN_KINDS = ['positive', 'all'] as const
/** Samples to which patterns are fitted. `positive`: samples that activate a unit; `all`: all samples. */
export type PatternKind = (typeof PATTERN_KINDS)[number]

/** Options of `fitPatternsToDataset`. */
export const fitPatternsOptions = z.strictObject({
  kind: option(z.enum(PATTERN_KINDS).default('positive'), {
    help: "samples to fit each unit's pattern to: only samples that activate the unit (positive), or all samples (all)",
    group: 'how'
  }),
  ...splitOptions.shape,
  split: option(z.enum(['train', 'valid', 'test']).default('train'), {
    help: 'data set split to use',
    group: 'images'
  }),
  batchSize: option(z.int().min(1).default(64), {
    help: 'number of images in a batch',
    group: 'machine',
    unit: 'images'
  }),
  onProgress: explainOptions.shape.onProgress
})

/** Options of `fitPatternsToDataset` (docs/options.md). */
export type FitPatternsOptions = z.input<typeof fitPatternsOptions>
