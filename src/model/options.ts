import * as z from 'zod'
import { callback, option, programOnly, signalOption } from '../core/option.js'
import { COMPUTE_PRECISIONS, LAYOUTS } from '../core/graph.js'
import { optionError } from '../core/options.js'
import { isTensor, type Tensor } from '../core/tensor.js'
import type { OnDownload } from './fetch-weights.js'
import type { Replacement } from '../native/addon.js'

/** How a model's file or folder is read. */
export const loadOptions = z.strictObject({
  experimentsRoot: option(z.string().min(1), {
    help: 'folder that contains the experiments',
    group: 'model',
    unit: 'folder',
    flag: 'experiments',
    default: 'experiments'
  }),
  architecture: option(z.string(), {
    help: "architecture of the network, for a file that contains only weights (.pth, .pt, .th or .safetensors); 'lrp-native models' lists all names",
    group: 'model',
    unit: 'name'
  }),
  preprocess: option(z.string(), {
    help: 'preprocessing of the images: imagenet, cifar, none or a JSON file; it replaces the preprocessing stored with the model',
    group: 'model',
    unit: 'name',
    files: 'settings'
  }),
  inputShape: option(z.tuple([z.int().min(1), z.int().min(1), z.int().min(1)]), {
    help: 'for a network that takes images of any size: channels, height and width of the images',
    group: 'model',
    unit: 'axes'
  }),
  inputName: option(z.string().min(1), {
    help: 'name of the input that takes the images, for a network with several inputs',
    group: 'model',
    unit: 'name',
    default: 'the one input that is not passed with --constant'
  }),
  constants: option(z.record(z.string(), z.union([z.string(), z.custom<Tensor>(isTensor, 'must be a tensor')])), {
    help: 'array for an additional input of the network, with one row for each image or a single row for all images',
    group: 'model',
    unit: 'name=file.npy',
    flag: 'constant',
    read: constantsOf,
    write: (constants: Record<string, string>) => Object.entries(constants).map((one) => one.join('=')),
    files: 'settings'
  }),
  explainInputs: option(z.union([z.literal('all'), z.array(z.string()).min(1)]), {
    help: 'names of the additional inputs to explain together with the images, or all; by default, additional inputs are held constant',
    group: 'model',
    unit: 'names'
  }),
  layout: option(z.enum(LAYOUTS), {
    help: "axis order of the network's input: nchw (channels, height, width) or nhwc (height, width, channels)",
    group: 'model',
    default: 'nhwc if the first operation moves the channels to the front, otherwise nchw'
  }),
  classes: option(z.string(), {
    help: 'class names: imagenet, a text file or a JSON file; they replace the names stored with the model',
    group: 'model',
    unit: 'file',
    files: 'settings'
  }),
  vocabulary: option(z.string(), {
    help: 'file that names the tokens of a text model or the columns of a table: a text file, vocab.json or tokenizer.json',
    group: 'model',
    unit: 'file',
    files: 'settings'
  }),
  head: option(z.union([z.int().min(0), z.string().min(1)]), {
    help: 'network output to use: the number or name of an output, or the name of any layer',
    group: 'model',
    unit: 'name',
    default: 'the first output',
    read: ([text]) => (/^\d+$/.test(text!) ? Number(text) : text)
  }),
  task: option(z.enum(['classes', 'binary', 'multilabel', 'regression']), {
    help: 'type of the outputs: classes (one softmax over all classes), binary (one logit for two classes), multilabel (a sigmoid for each class) or regression (values)',
    group: 'model',
    default:
      'binary for a network with a single logit, multilabel for a network that ends in sigmoids, otherwise classes'
  }),
  precision: option(z.enum(COMPUTE_PRECISIONS).default('fp32'), {
    help: 'numeric type: fp32 or fp64 for the whole computation, or bf16, fp16 or tf32 for convolutions and matrix multiplications; fp16 and tf32 need CUDA; on the CPU, bf16 affects only matrix multiplications',
    group: 'machine'
  }),
  device: option(z.string().regex(/^(auto|cpu|cuda(:\d+)?)$/, 'auto, cpu, cuda or cuda:N'), {
    help: 'device for the computation: auto (CUDA if available), cpu, cuda or cuda:N',
    group: 'machine',
    unit: 'device',
    default: 'the value of LRP_NATIVE_DEVICE if set, otherwise auto'
  }),
  onDownload: callback<OnDownload>(
    'called during a download with the file name, the number of bytes downloaded and the total number of bytes'
  )
})

/** What a program that shows command lines says of its own. */
export const calledOptions = z.strictObject({
  called: option(z.string(), {
    help: 'name of the model in the command lines that the result shows',
    group: 'output',
    flag: false,
    resume: false,
    default: "the model's name"
  }),
  loadedWith: option(
    z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number()]))])),
    {
      help: 'options that were passed to Model.load; the result shows them in its command lines',
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
    help: 'number of images in a batch',
    group: 'machine',
    unit: 'images',
    default: 'all images'
  }),
  replace: programOnly<Replacement[]>(
    (value) => Array.isArray(value),
    'a list of { layer, channels, values }',
    "channels whose activations the pass replaces with 0, or with 'values', an array in the shape of the layer's output"
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
