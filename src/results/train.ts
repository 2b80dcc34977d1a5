import * as z from 'zod'
import { DATA_TASKS } from '../core/graph.js'
import { count, number, provenance } from './parts.js'

const ofSplits = <T extends z.ZodType>(value: T) => z.object({ train: value, valid: value, test: value })

const data = z
  .object({
    name: z.string(),
    task: z.enum(DATA_TASKS).optional(),
    classes: z.array(z.string()).describe('For a regression: names of the values.'),
    imageShape: z.array(count).describe('[channels, height, width] of the input of the network.'),
    storedShape: z.array(count).optional().describe('Shape of the stored images, before a random crop.'),
    counts: ofSplits(count).describe('Number of images in each split.'),
    perClass: ofSplits(z.array(count)).optional().describe('Number of images in each class.'),
    skipped: z.array(z.string()).describe('Images that could not be read.'),
    missing: z.array(z.string()).optional().describe('Skipped images that do not exist.'),
    fingerprint: z.string().describe('SHA-256 of images and labels.'),
    threads: count.describe('Number of threads per operation.')
  })
  .describe('The data set; a search has one for each of its trials.')

const results = z
  .object({
    completed: z.boolean().describe('False if the run was stopped.'),
    reason: z.string().optional().describe('For train and finetune: why the run ended.'),
    epochs: count.optional(),
    bestEpoch: count.optional(),
    kind: z.literal('epoch').optional(),
    epoch: count.optional(),
    trainLoss: number.optional(),
    trainAccuracy: number.optional(),
    validLoss: number.optional(),
    validAccuracy: number.optional(),
    learningRate: number.optional(),
    imagesPerSecond: number.optional(),
    seconds: number.optional(),
    best: z.union([z.boolean(), count]).optional().describe('For tune: number of the best trial.'),
    trials: count.optional().describe('For tune: number of trials.'),
    processes: count.optional().describe('Number of processes that shared every batch.'),
    gradients: z.string().optional().describe('How gradients were exchanged.')
  })
  .describe('For train and finetune: the values of the best epoch.')

/** Schema of experiment.json, which train, finetune and tune write. */
export const experimentResult = z.object({
  format: z.literal('lrp-native-experiment'),
  version: z.literal(1),
  created: z.string(),
  command: z
    .looseObject({ name: z.enum(['train', 'finetune', 'tune']) })
    .describe('The command and its options with all defaults; docs/options.md.'),
  versions: z.record(z.string(), z.string()),
  network: z.string().optional().describe('For train and finetune: name of the network.'),
  seed: count,
  data: data.optional(),
  results: results.optional().describe('Missing until the run ends or is stopped.'),
  provenance: provenance.optional().describe('Provenance of the best model.')
})
