import * as z from 'zod'
import { count, inputKind, number, provenance, rules, settings, share } from './parts.js'

const interval = { mean: number, low: number, high: number }
const curve = z.object({
  shares: z.array(share),
  mean: z.array(number),
  low: z.array(number),
  high: z.array(number)
})
const similarity = z.object({ layer: z.string(), ssim: number, spearman: number, pearson: number, cosine: number })

export const evaluationResult = z.object({
  model: z.string(),
  inputKind,
  asked: settings,
  settings: z.object({
    methods: z.array(z.string()),
    metrics: z.array(z.string()),
    perturbation: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    draws: count,
    randomisation: count,
    seed: count
  }),
  images: z.array(z.string()),
  notes: z.array(z.string()),
  metrics: z.array(
    z.object({
      name: z.string(),
      family: z.string(),
      needs: z.array(z.string()),
      better: z.enum(['higher', 'lower']).optional(),
      definition: z.string(),
      reference: z.string()
    })
  ),
  rankedBy: z.string(),
  methods: z
    .array(
      z.object({
        name: z.string(),
        rules: rules.optional(),
        scores: z.record(z.string(), z.object({ ...interval, values: z.array(number) })),
        morf: curve,
        lerf: curve
      })
    )
    .describe('Best first.'),
  random: curve.describe('Curve for pixels in random order.'),
  comparisons: z.array(z.object({ best: z.string(), other: z.string(), ...interval, p: number })),
  randomisation: z.record(z.string(), z.array(similarity)),
  provenance
})

export const removalResult = z.object({
  method: z.string(),
  inputKind,
  settings,
  fill: z.string(),
  rules,
  images: count,
  curve: z.array(z.object({ fraction: share, important: number, unimportant: number })),
  perImage: z.object({ important: z.array(number), unimportant: z.array(number) }),
  notes: z.array(z.string()).optional().describe('Effects that the curves cannot show.'),
  provenance
})
