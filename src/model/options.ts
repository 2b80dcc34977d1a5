import { z } from 'zod'
import { option, signalOption } from '../core/option.js'

/** How a model's file or folder is read. */
export const loadOptions = z.strictObject({
  experimentsRoot: option(z.string().min(1), {
    help: 'folder in which experiments are looked for by name',
    group: 'model',
    unit: 'folder',
    flag: 'experiments',
    default: 'experiments'
  }),
  architecture: option(z.string(), {
    help: 'network of a file that holds weights alone: .pth, .pt, .th, .safetensors',
    group: 'model',
    unit: 'name'
  }),
  preprocess: option(z.string(), {
    help: 'imagenet, cifar, none or a JSON file, instead of what is stored with the model',
    group: 'model',
    unit: 'name'
  }),
  inputShape: option(z.tuple([z.int().min(1), z.int().min(1), z.int().min(1)]), {
    help: 'channels, height and width of the images, for networks that take any size',
    group: 'model',
    unit: 'axes'
  }),
  classes: option(z.string(), {
    help: 'names of the classes: imagenet, a text file or JSON, instead of those stored with the model',
    group: 'model',
    unit: 'file'
  }),
  multilabel: option(z.boolean(), {
    help: 'the classes are independent: the probability of each is the sigmoid of its logit',
    group: 'model',
    default: 'where a sigmoid ends the network'
  }),
  device: option(z.string().regex(/^(auto|cpu|cuda(:\d+)?)$/, 'auto, cpu, cuda or cuda:N'), {
    help: 'auto (CUDA where it works), cpu, cuda or cuda:N',
    group: 'machine',
    unit: 'device',
    default: 'LRP_NATIVE_DEVICE, else auto'
  })
})

export const forwardOptions = z.strictObject({
  batchSize: option(z.int().min(1), { help: 'images per pass', group: 'machine', unit: 'images', default: 'all' }),
  signal: signalOption
})

/** Options of `Model.load`: preprocessing, classes, architecture, device (docs/options.md). */
export type LoadOptions = z.input<typeof loadOptions>
