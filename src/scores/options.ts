import { z } from 'zod'
import { callback, option, programOnly, signalOption, outputPath } from '../core/option.js'
import { dataOptions, excludeOption } from '../data/options.js'
import type { ProcessGroup } from '../distributed/process-group.js'
import { splitOptions } from '../explain/file-options.js'

/** Options of `testModel`, `testClassifier` and `testRegression`. */
export const testOptions = z.strictObject({
  ...splitOptions.shape,
  masks: option(z.string().min(1), {
    help: 'dense networks: folder of masks (.png) with the names of the images in --data-path; pixels are class numbers, and 255 is ignored',
    group: 'images',
    unit: 'folder'
  }),
  exclude: excludeOption,
  seed: dataOptions.shape.seed,
  batchSize: option(z.int().min(1), {
    help: 'number of images per pass',
    group: 'machine',
    unit: 'images',
    default: '256'
  }),
  thresholds: option(z.union([z.literal('best'), z.array(z.number().min(0).max(1)).min(1)]), {
    help: 'probability above which a label is assigned (for a single logit: the second class): one number, one per label, or best (the highest F1 on the validation split)',
    group: 'metrics',
    unit: 'numbers',
    commas: true,
    default: '0.5'
  }),
  output: option(outputPath, {
    help: 'folder for metrics.json, tables and charts',
    group: 'output',
    unit: 'folder',
    default: "the experiment's test; tests/<data>-<split> for other images",
    resume: false
  }),
  group: programOnly<ProcessGroup>(
    (value) => typeof (value as ProcessGroup | null)?.gather === 'function',
    'what joinProcessGroup returns',
    'processes that share the images (joinProcessGroup); each gets the result, and rank 0 writes it'
  ),
  onProgress: callback<(done: number, total: number) => void>('called with the number of images done and in total'),
  signal: signalOption
})

/** Options of `testModel`: images, batch size, output folder (docs/options.md). */
export type TestOptions = z.input<typeof testOptions>
