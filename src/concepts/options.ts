import * as z from 'zod'
import { mayChange, option, withoutDefault, signalOption, callback, outputPath } from '../core/option.js'
import { dataOptions } from '../data/options.js'
import { splitOptions } from '../explain/file-options.js'
import { ruleChoice } from '../rules/options.js'

/** Which images `concepts` and `audit` look at, and how they are explained. */
export const studyOptions = z.strictObject({
  ...splitOptions.shape,
  split: option(z.enum(['train', 'valid', 'test', 'all']).default('test'), {
    help: 'data set split to use: train, valid, test, or all (all three splits)',
    group: 'images'
  }),
  dataPath: mayChange(splitOptions.shape.dataPath),
  seed: dataOptions.shape.seed,
  ...ruleChoice.shape,
  rule: withoutDefault(ruleChoice.shape.rule),
  layer: option(z.string(), {
    help: 'layer to analyse',
    group: 'what',
    unit: 'name',
    default: 'the last convolution, or the last dense layer if attention layers follow the last convolution'
  }),
  signal: signalOption
})

export type StudyOptions = z.input<typeof studyOptions>

/** Options of `concepts`. Those that only choose from what was measured may change where a stopped run continues. */
export const conceptsOptions = z.strictObject({
  ...studyOptions.shape,
  class: option(z.string(), {
    help: 'class to show: its name or number',
    group: 'what',
    unit: 'class',
    default: 'all classes',
    resume: false
  }),
  composite: option(studyOptions.shape.composite, {
    ...(ruleChoice.shape.composite.meta() as { help: string; group: 'how' }),
    default: 'epsilon-plus; auto for networks with layers that epsilon-plus has no rule for, such as transformers'
  }),
  by: option(z.enum(['relevance', 'activation']).default('relevance'), {
    help: 'quantity that ranks the reference images of a channel',
    group: 'what'
  }),
  measure: option(z.enum(['sum', 'max']).default('sum'), {
    help: 'how the quantity chosen with --by is combined over all positions: their sum (sum) or their maximum (max)',
    group: 'what'
  }),
  top: option(z.int().min(1).default(5), {
    help: 'number of channels to show for each class',
    group: 'what',
    unit: 'channels',
    resume: false
  }),
  samples: option(z.int().min(1).default(8), {
    help: 'number of reference images to show for each channel',
    group: 'what',
    unit: 'images',
    resume: false
  }),
  image: option(z.int().min(0).default(0), {
    help: 'index of the image for the atlas, counted from 0 within the split; the atlas shows the strongest channel at each pixel',
    group: 'what',
    unit: 'index',
    resume: false
  }),
  output: option(outputPath, {
    help: 'folder for concepts.json and concepts.html; run the same command again to continue a stopped run',
    group: 'output',
    unit: 'folder',
    default: "concepts in the experiment's folder",
    resume: false
  }),
  onProgress: callback<(done: number, total: number) => void>(
    'called with the number of images done and the total number of images'
  )
})

/** Options of `concepts`: images, rule, layer, ranking of channels (docs/concepts.md). */
export type ConceptsOptions = z.input<typeof conceptsOptions>
