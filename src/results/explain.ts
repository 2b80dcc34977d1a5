import * as z from 'zod'
import { OUTPUT_KINDS } from '../core/graph.js'
import { callSchema, sha256 } from '../explain/call.js'
import { count, inputKind, number, provenance, rules, settings } from './parts.js'

const means = z
  .object({ sum: number, propagated: number, absorbedByBias: number, absorbedByStabiliser: number })
  .describe('Mean over images for the first target: received, propagated and absorbed relevance.')

const trust = z.object({
  magnitude: number.describe('Sum of |relevance| as a multiple of the initial relevance, or of the largest logit.'),
  unexplained: number
    .optional()
    .describe('Relevance that is lost without being absorbed, as a multiple of the same reference.'),
  rounding: number.optional().describe('Difference from the maps computed in float64.'),
  gradient: number
    .nullable()
    .optional()
    .describe('Difference between LRP-0 and gradient x input; null if they are not equal in theory.'),
  unequal: z.string().optional().describe('First node for which LRP-0 and gradient x input are not equal in theory.'),
  verdict: z.enum(['trustworthy', 'limited', 'untrustworthy']),
  sentence: z.string()
})

export const explainResult = z.object({
  method: z.string().describe('Rule, composite or method.'),
  camLayer: z.string().optional(),
  settings,
  call: callSchema,
  model: z.string(),
  inputKind,
  removed: z
    .object({ kind: z.enum(['softmax', 'sigmoid']), node: z.string() })
    .optional()
    .describe('The final activation that was removed.'),
  output: z
    .object({ node: z.string(), shape: z.array(count), kind: z.enum(OUTPUT_KINDS) })
    .describe('The explained output, with its shape for one image.'),
  device: z.string(),
  images: z.array(
    z.object({
      name: z.string(),
      path: z.string().optional(),
      predicted: count.optional().describe('The predicted class; for a dense output, the most frequent class.'),
      predictedName: z.string().optional(),
      confidence: number.optional(),
      labels: z
        .array(z.object({ class: count, name: z.string().optional(), confidence: number }))
        .optional()
        .describe('For independent classes: all classes with a probability above 0.5, most probable first.'),
      share: number.optional().describe('For a dense output: share of the positions with the predicted class.'),
      outputs: z.array(number).optional().describe('For a regression: the predicted values.'),
      outputNames: z.array(z.string()).optional(),
      strongest: count
        .optional()
        .describe(
          'For a layer: its strongest unit; for a dense layer, the channel that is strongest at most positions.'
        ),
      value: number.optional().describe('The value of that unit.'),
      target: z.array(z.int().min(-1)).describe('Explained classes; -1 for a reference or a seed.'),
      explained: z.array(z.string()).describe('What each map explains, in words.'),
      targetNames: z.array(z.string()).optional(),
      against: z.array(z.int().min(-1)).optional().describe('Classes that the explained classes are compared with.'),
      score: z
        .array(number)
        .describe('Explained value: a logit, the sum of the logits of a region, the score of a box, or a similarity.'),
      box: z.array(count).optional().describe('Explained boxes of a detection head.'),
      region: z
        .array(number)
        .optional()
        .describe('For a dense output: share of the positions in the explained region.'),
      label: count.optional(),
      sumOfRelevance: z.array(number),
      inputs: z
        .record(z.string(), z.array(number))
        .describe('Sum of the relevance of each additional input, if several inputs are explained.')
        .optional(),
      conservationError: z.array(number),
      inputSha256: sha256.describe('Hash of the preprocessed input.'),
      mapSha256: sha256.describe('Hash of the relevance in all maps of the image.'),
      attention: z
        .array(z.object({ node: z.string(), tokens: z.array(number), heads: z.array(number) }))
        .optional()
        .describe(
          'With attentionHeads, for the first target: relevance of every token at the input of each block, and of every head.'
        )
    })
  ),
  rules,
  layers: z.record(z.string(), means),
  target: z.array(z.int().min(-1)).describe('[targets, images], row by row.'),
  conservationError: number.describe('Mean over the images.'),
  milliseconds: z.number(),
  files: z
    .array(z.string())
    .describe('Files of this explanation, relative to its folder; explain.json itself is not listed.'),
  warnings: z.array(z.string()),
  trust: trust.optional().describe('How far the maps can be trusted; docs/background/trust.md.'),
  provenance
})
