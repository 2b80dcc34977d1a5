import { z } from 'zod'
import { callback, option, programOnly, signalOption } from '../core/option.js'
import { COMPUTE_PRECISIONS, LAYOUTS } from '../core/graph.js'
import { optionError } from '../core/options.js'
import { isTensor, type Tensor } from '../core/tensor.js'
import type { OnDownload } from './fetch-weights.js'
import type { Replacement } from '../native/addon.js'

/** How a model's file or folder is read. */
export const loadOptions = z.strictObject({
  experimentsRoot: option(z.string().min(1), {
    help: 'folder with the experiments',
    group: 'model',
    unit: 'folder',
    flag: 'experiments',
    default: 'experiments'
  }),
  architecture: option(z.string(), {
    help: 'architecture of a weights file (.pth, .pt, .th, .safetensors)',
    group: 'model',
    unit: 'name'
  }),
  preprocess: option(z.string(), {
    help: 'preprocessing: imagenet, cifar, none or a JSON file (overrides the one stored with the model)',
    group: 'model',
    unit: 'name',
    files: 'settings'
  }),
  inputShape: option(z.tuple([z.int().min(1), z.int().min(1), z.int().min(1)]), {
    help: 'channels, height and width of the images, for networks that take any size',
    group: 'model',
    unit: 'axes'
  }),
  inputName: option(z.string().min(1), {
    help: 'the input that takes the images, if the network has several inputs',
    group: 'model',
    unit: 'name',
    default: 'the input without --constant'
  }),
  constants: option(z.record(z.string(), z.union([z.string(), z.custom<Tensor>(isTensor, 'must be a tensor')])), {
    help: 'array for another input of the network: one row for each image, or one row for all images',
    group: 'model',
    unit: 'name=file.npy',
    flag: 'constant',
    read: constantsOf,
    write: (constants: Record<string, string>) => Object.entries(constants).map((one) => one.join('=')),
    files: 'settings'
  }),
  explainInputs: option(z.union([z.literal('all'), z.array(z.string()).min(1)]), {
    help: 'other inputs of the network to explain in the same pass, or all; by default they are held constant',
    group: 'model',
    unit: 'names'
  }),
  layout: option(z.enum(LAYOUTS), {
    help: "order of the axes in the file's images: nchw (channels, height, width) or nhwc (height, width, channels)",
    group: 'model',
    default: 'nhwc if the first operation moves the channels to the front, otherwise nchw'
  }),
  classes: option(z.string(), {
    help: 'class names: imagenet, a text file or JSON, instead of those stored with the model',
    group: 'model',
    unit: 'file',
    files: 'settings'
  }),
  vocabulary: option(z.string(), {
    help: 'names of the tokens or of the columns of a table: a text file, vocab.json or tokenizer.json',
    group: 'model',
    unit: 'file',
    files: 'settings'
  }),
  head: option(z.union([z.int().min(0), z.string().min(1)]), {
    help: 'output to use: its number or name in the file, or the name of any layer',
    group: 'model',
    unit: 'name',
    default: 'the first',
    read: ([text]) => (/^\d+$/.test(text!) ? Number(text) : text)
  }),
  task: option(z.enum(['classes', 'binary', 'multilabel', 'regression']), {
    help: 'type of the outputs: classes (one softmax for all), binary (one logit for two classes), multilabel (a sigmoid for each) or regression (values)',
    group: 'model',
    default: 'binary for one output, multilabel if the network ends in sigmoids, otherwise classes'
  }),
  precision: option(z.enum(COMPUTE_PRECISIONS).default('fp32'), {
    help: 'type of computation; bf16, fp16 (CUDA) and tf32 (CUDA) apply to convolutions and matrix products',
    group: 'machine'
  }),
  device: option(z.string().regex(/^(auto|cpu|cuda(:\d+)?)$/, 'auto, cpu, cuda or cuda:N'), {
    help: 'auto (CUDA if available), cpu, cuda or cuda:N',
    group: 'machine',
    unit: 'device',
    default: 'LRP_NATIVE_DEVICE if set, otherwise auto'
  }),
  onDownload: callback<OnDownload>('called during downloads with the file, bytes done and bytes in total')
})

/** What a program that shows command lines says of its own. */
export const calledOptions = z.strictObject({
  called: option(z.string(), {
    help: 'name of the model on the command line',
    group: 'output',
    flag: false,
    resume: false,
    default: "the model's name"
  }),
  loadedWith: option(
    z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number()]))])),
    {
      help: 'options that the model was loaded with, for command lines that are shown',
      group: 'output',
      flag: false,
      resume: false
    }
  )
})

/** The same as `loadOptions` where one input alone is explained. */
export const oneInputOptions = loadOptions.omit({ explainInputs: true })

export const forwardOptions = z.strictObject({
  batchSize: option(z.int().min(1), {
    help: 'number of images per pass',
    group: 'machine',
    unit: 'images',
    default: 'all'
  }),
  replace: programOnly<Replacement[]>(
    (value) => Array.isArray(value),
    'a list of { layer, channels, values }',
    "channels whose activation is set to 0 during the pass, or to that of 'values', which has the shape of the layer's output"
  ),
  signal: signalOption
})

/** `NAME=FILE.npy`, once for each input. */
function constantsOf(texts: string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name, file] = /^([^=]+)=(.+)$/.exec(text.trim()) ?? []
      if (name === undefined || file === undefined)
        throw optionError('constant', ` must be NAME=FILE.npy (got '${text}')`)
      return [name, file]
    })
  )
}

/** Options of `Model.load`: preprocessing, classes, architecture, device (docs/options.md). */
export type LoadOptions = z.input<typeof loadOptions>
