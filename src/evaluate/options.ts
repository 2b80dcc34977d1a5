import * as z from 'zod'
import { callback, option, required, signalOption, namesOf, outputPath } from '../core/option.js'
import { isTensor, type Tensor } from '../core/tensor.js'
import { inputOptions, splitOptions } from '../explain/file-options.js'
import { explainOptions } from '../explain/options.js'
import { targetOptions } from '../explain/targets/options.js'
import type { MethodChoice } from './methods.js'
import { FILLS } from './perturbation/fills.js'

const array = z.union([z.string().min(1), z.custom<Tensor>(isTensor, 'must be a .npy file or a tensor')])

const patchSize = z.int().min(1)
const metrics = option(z.union([z.literal('all'), z.array(z.string()).min(1)]), {
  help: 'names of metrics (docs/metrics.md), or all, which selects every metric that can be computed from the given data',
  group: 'metrics',
  unit: 'names',
  commas: true
})
const mask = option(array, {
  help: '.npy file for the localisation metrics: masks (values above 0 mark the object) or boxes (left, top, right, bottom)',
  group: 'metrics',
  unit: 'file'
})
const seed = option(z.int().min(0).default(0), {
  help: 'seed for all random numbers, including those that order pixels of equal relevance',
  group: 'machine'
})
const onProgress = callback<(done: number, total: number) => void>(
  'called with the number of images done and the total number of images'
)

/** How `evaluate` perturbs images. */
export const perturbationOptions = z.strictObject({
  patchSize: option(patchSize.default(1), {
    help: 'side length of the square patches to replace; 1 replaces individual pixels',
    group: 'metrics',
    unit: 'pixels',
    default: '1, or 4 with --attribution'
  }),
  fill: option(z.enum(FILLS).default('mean'), { help: 'values that replace the pixels', group: 'metrics' }),
  value: option(z.number().default(0), {
    help: 'replacement value of --fill constant',
    group: 'metrics',
    only: { fill: ['constant'] }
  }),
  measure: option(z.enum(['probability', 'logit']).default('probability'), {
    help: 'what the curves show for the explained class: its probability or its logit; for a regression model, the curves always show the predicted value',
    group: 'metrics'
  }),
  steps: option(z.int().min(2).default(20), {
    help: 'number of steps of a curve',
    group: 'metrics',
    flag: 'flips'
  }),
  growing: option(z.boolean().default(false), {
    help: 'use steps of increasing size, instead of steps of equal size',
    group: 'metrics'
  }),
  share: option(z.number().gt(0).max(1).default(1), {
    help: 'share of the image that all steps together replace',
    group: 'metrics',
    unit: 'share'
  })
})

export type GivenPerturbation = z.input<typeof perturbationOptions>
export type PerturbationSettings = z.output<typeof perturbationOptions>

const { region, box, reference, against } = targetOptions.shape

/** Which part of the output is explained, where that is not a class's logit. */
export const scoredOptions = z.strictObject({ region, box, reference, against })

const isList = (value: unknown): boolean => typeof value === 'object' && value !== null && 'length' in value
const classes = z.custom<ArrayLike<number>>(isList, 'must be a class, a file or a list of classes')
const target = option(z.union([z.int().min(0), z.string().min(1), classes]), {
  help: 'class to explain: its number or name, argmax (the predicted class), label (the true class), or a .npy file with one class for each image',
  group: 'what',
  unit: 'class',
  default: 'argmax',
  files: 'settings'
})

/** Options of `evaluate`. */
export const evaluateOptions = z.strictObject({
  methods: option(
    z
      .array(z.union([z.string(), z.custom<MethodChoice>((value) => typeof value === 'object' && value !== null)]))
      .min(1)
      .default(['epsilon', 'alpha2beta1', 'epsilon-plus', 'gradient', 'input-x-gradient', 'random']),
    {
      help: 'explanations to compare: names of rules, composites and methods, objects with options of explain, or your own explainers',
      group: 'how',
      flag: false
    }
  ),
  metrics,
  perturbation: perturbationOptions.optional(),
  draws: option(z.int().min(1).max(10_000).default(5), {
    help: 'number of random pixel orders, which serve as a baseline',
    group: 'metrics'
  }),
  randomisation: option(z.int().min(0).default(0), {
    help: 'number of images for parameter randomisation, which randomises the weights layer by layer and compares the maps',
    group: 'metrics',
    unit: 'images'
  }),
  ...inputOptions.shape,
  limit: option(z.int().min(1).default(100), {
    help: 'maximum number of images to evaluate',
    group: 'images',
    unit: 'images'
  }),
  mask,
  patterns: explainOptions.shape.patterns,
  target,
  ...scoredOptions.shape,
  seed,
  output: option(outputPath, {
    help: 'folder for evaluation.json, tables and charts; run the same command again to continue a stopped evaluation',
    group: 'output',
    unit: 'folder',
    default: "evaluation in the experiment's folder",
    resume: false
  }),
  onProgress: callback<(done: number, total: number, stage: string) => void>(
    'called with the number of steps done, the total number of steps and the name of the stage; one step processes one image for one method or one random order'
  ),
  signal: signalOption
})

/** Options of `evaluate`: methods, images, metrics, perturbation (docs/options.md). */
export type EvaluateOptions = z.input<typeof evaluateOptions>

/** Options of `scoreMaps`. */
export const scoreMapsOptions = z.strictObject({
  input: required(array, { help: '.npy file with the preprocessed images', group: 'images', unit: 'file' }),
  attribution: required(array, {
    help: '.npy file with the maps to score, which must have the shape of the input',
    group: 'metrics',
    unit: 'file'
  }),
  target,
  ...scoredOptions.shape,
  mask,
  metrics,
  patchSize: option(patchSize.default(4), {
    help: 'side length of the square patches that region perturbation replaces',
    group: 'metrics',
    unit: 'pixels'
  }),
  featuresInStep: option(z.int().min(1).default(28), {
    help: 'number of input values (one for each entry of the map) that pixel-flipping replaces in each step',
    group: 'metrics',
    unit: 'entries'
  }),
  regions: option(z.int().min(1).default(20), {
    help: 'number of patches that region perturbation replaces, one in each step',
    group: 'metrics',
    unit: 'regions'
  }),
  seed,
  onNote: callback<(note: string) => void>('called for each skipped image, with its name and the reason'),
  onProgress,
  signal: signalOption
})

/** Options of `scoreMaps`: maps, images, metrics (docs/options.md). */
export type ScoreMapsOptions = z.input<typeof scoreMapsOptions>

/** Options of `removeFeatures`. */
export const removeFeaturesOptions = z.strictObject({
  ...explainOptions.omit({ ...namesOf(targetOptions), together: true, layers: true }).shape,
  ...inputOptions.shape,
  limit: splitOptions.shape.limit,
  seed,
  pictures: option(z.int().min(0).default(10), {
    help: 'number of images to write as pictures and text files, in one folder for each image',
    group: 'output',
    unit: 'images'
  }),
  fraction: option(z.array(z.number().gt(0).lt(1)).min(1).default([0.1, 0.2, 0.3, 0.4, 0.5]), {
    help: 'share of the pixels removed after each step',
    group: 'metrics',
    unit: 'shares'
  }),
  fill: option(z.enum(FILLS).exclude(['constant']).default('zero'), {
    help: 'values that replace the pixels',
    group: 'metrics'
  }),
  output: option(outputPath, {
    help: 'folder for the curves, tables and pictures',
    group: 'output',
    unit: 'folder',
    default: "feature_removal/<rule> in the experiment's folder"
  }),
  onProgress
})

/** Options of `removeFeatures`: method, images, fractions, fill (docs/options.md). */
export type RemoveFeaturesOptions = z.input<typeof removeFeaturesOptions>
