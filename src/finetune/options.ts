import * as z from 'zod'
import { DATA_TASKS } from '../core/graph.js'
import { option } from '../core/option.js'
import { modelDataOption, TASK_HELP } from '../data/options.js'
import { loadOptions } from '../model/options.js'
import { trainOptions, trainSettings } from '../train/options.js'

const { from: _from, hiddenSize: _size, activation: _activation, normalise: _normalise, ...kept } = trainOptions.shape
const { mode, newHead } = trainSettings.shape

/** Options of `finetune`: a model that is there has its layers and its normalisation. */
export const finetuneOptions = z.strictObject({
  ...kept,
  data: modelDataOption,
  mode,
  newHead,
  model: option(z.string(), {
    help: 'experiment or model file to fine-tune',
    group: 'model',
    unit: 'model',
    default: 'the newest experiment',
    flag: false
  }),
  preprocess: loadOptions.shape.preprocess,
  task: option(z.enum(DATA_TASKS), {
    help: TASK_HELP,
    group: 'network',
    default: "the model's own"
  }),
  epochs: option(z.int().min(1).default(10), {
    help: 'number of passes over the training images',
    group: 'schedule',
    unit: 'epochs',
    resume: false
  }),
  learningRate: option(z.number().positive(), {
    help: 'learning rate; with --scheduler one-cycle, the maximum learning rate',
    group: 'schedule',
    default: '0.002, or 0.0005 for --mode whole'
  })
})

/** Options of `finetune`: most options of `train`, and its own options (docs/options.md). */
export type FinetuneOptions = z.input<typeof finetuneOptions>
