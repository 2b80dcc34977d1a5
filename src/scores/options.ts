import * as z from 'zod'
import { callback, option, programOnly, signalOption, outputPath } from '../core/option.js'
import { dataOptions, excludeOption } from '../data/options.js'
import type { ProcessGroup } from '../distributed/process-group.js'
import { splitOptions } from '../explain/file-options.js'

/** Options of `testModel`, `testClassifier` and `testRegression`. */
export const testOptions = z.strictObject({
  ...splitOptions.shape,
  masks: option(z.string().min(1), {
    help: 'folder of masks (.png) for a segmentation network; each mask has the same name as its image in --data-path; each pixel is a class number, and 255 is ignored',
    group: 'images',
    unit: 'folder'
  }),
  exclude: excludeOption,
  seed: dataOptions.shape.seed,
  batchSize: option(z.int().min(1), {
    help: 'number of images in a batch',
    group: 'machine',
    unit: 'images',
    default: '256'
  }),
  thresholds: option(z.union([z.literal('best'), z.array(z.number().min(0).max(1)).min(1)]), {
    help: 'probability above which a label, or the second class of a single logit, is assigned: one number, one number for each label, or best (the highest F1 on the validation split)',
    group: 'metrics',
    unit: 'numbers',
    commas: true,
    default: '0.5'
  }),
  output: option(outputPath, {
    help: 'folder for metrics.json, tables and charts',
    group: 'output',
    unit: 'folder',
    default: "test in the experiment's folder; for other data, tests/<data>-<split>",
    resume: false
  }),
  group: programOnly<ProcessGroup>(
    (value) => typeof (value as ProcessGroup | null)?.gather === 'function',
    'the result of joinProcessGroup',
    'process group that shares the images; each process gets the whole result, and rank 0 writes it'
  ),
  onProgress: callback<(done: number, total: number) => void>(
    'called with the number of images done and the total number of images'
  ),
  signal: signalOption
})

/** Options of `testModel`: images, batch size, output folder (docs/options.md). */
export type TestOptions = z.input<typeof testOptions>
