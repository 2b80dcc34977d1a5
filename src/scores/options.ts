import { z } from 'zod'
import { callback, option, programOnly, signalOption, outputPath } from '../core/option.js'
import { dataOptions } from '../data/options.js'
import type { ProcessGroup } from '../distributed/process-group.js'
import { splitOptions } from '../explain/file-options.js'

/** Options of `testModel`, `testClassifier` and `testRegression`. */
export const testOptions = z.strictObject({
  ...splitOptions.shape,
  masks: option(z.string().min(1), {
    help: 'dense networks: folder of masks (.png) with the names of the images in --data-path; a pixel is the number of its class, 255 is left out',
    group: 'images',
    unit: 'folder'
  }),
  seed: dataOptions.shape.seed,
  batchSize: option(z.int().min(1), {
    help: 'number of images per pass',
    group: 'machine',
    unit: 'images',
    default: '256'
  }),
  thresholds: option(z.union([z.literal('best'), z.array(z.number().min(0).max(1)).min(1)]), {
    help: 'probability above which a label (of a single logit: class 1) is given: one number, one per label, or best: the highest F1 on the validation split',
    group: 'metrics',
    unit: 'numbers',
    commas: true,
    default: '0.5'
  }),
  output: option(outputPath, {
    help: 'folder for metrics.json, tables and charts',
    group: 'output',
    unit: 'folder',
    default: "the experiment's test",
    resume: false
  }),
  group: programOnly<ProcessGroup>(
    (value) => typeof value === 'object' && value !== null,
    'a group of processes',
    'processes that each take a share of the images (joinProcessGroup); all have the result, rank 0 writes it'
  ),
  onProgress: callback<(done: number, total: number) => void>('called with the images done and the images in all'),
  signal: signalOption
})

/** Options of `testModel`: images, batch size, output folder (docs/options.md). */
export type TestOptions = z.input<typeof testOptions>
