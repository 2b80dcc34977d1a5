import { z } from 'zod'
import { DATA_TASKS } from '../core/graph.js'
import { count, number, provenance } from './parts.js'

const ofSplits = <T extends z.ZodType>(value: T) => z.object({ train: value, valid: value, test: value })

const data = z
  .object({
    name: z.string(),
    task: z.enum(DATA_TASKS).optional(),
    classes: z.array(z.string()).describe('Of a regression: names of the values.'),
    imageShape: z.array(count).describe('[channels, height, width] as the network sees it.'),
    storedShape: z.array(count).optional().describe('The same before a random crop.'),
    counts: ofSplits(count).describe('Images of each split.'),
    perClass: ofSplits(z.array(count)).optional().describe('Images of each class.'),
    skipped: z.array(z.string()).describe('Images that could not be read.'),
    missing: z.array(z.string()).optional().describe('Those of them that do not exist.'),
    fingerprint: z.string().describe('SHA-256 of images and labels.'),
    threads: count.describe('Of one operation.')
  })
  .describe('The data set; a search has one for each of its trials.')

const results = z
  .object({
    completed: z.boolean().describe('False where the run was stopped.'),
    reason: z.string().optional().describe('Of train and finetune: why the run ended.'),
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
    best: z.union([z.boolean(), count]).optional().describe('Of tune: number of the best trial.'),
    trials: count.optional().describe('Of tune.'),
    processes: count.optional().describe('That shared every batch.'),
    gradients: z.string().optional().describe('What they passed over.')
  })
  .describe('Of train and finetune, the values of the best epoch.')

/** experiment.json of train, finetune and tune. */
export const experimentResult = z.object({
  format: z.literal('lrp-native-experiment'),
  version: z.literal(1),
  created: z.string(),
  command: z
    .looseObject({ name: z.enum(['train', 'finetune', 'tune']) })
    .describe('The command and its options with all defaults; docs/options.md.'),
  versions: z.record(z.string(), z.string()),
  network: z.string().optional().describe('Of train and finetune: name of the network.'),
  seed: count,
  data: data.optional(),
  results: results.optional().describe('Missing until the run ends or is stopped.'),
  provenance: provenance.optional().describe('Of the best model.')
})
