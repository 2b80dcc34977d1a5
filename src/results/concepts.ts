import * as z from 'zod'
import { count, number, provenance, rules, share } from './parts.js'

export const conceptsResult = z.object({
  version: z.literal(1),
  model: z.string(),
  data: z.string(),
  split: z.enum(['train', 'valid', 'test', 'all']),
  rule: z.string(),
  layer: z.string(),
  by: z.enum(['relevance', 'activation']),
  measure: z.enum(['sum', 'max']),
  images: count,
  classes: z.array(
    z.object({
      class: z.string(),
      images: count,
      channels: z.array(
        z.object({
          channel: count,
          relevance: share.describe("Mean share of the magnitudes of the layer's relevance."),
          samples: z.array(z.object({ image: z.string(), value: number, place: count }))
        })
      )
    })
  ),
  atlas: z.object({
    image: z.string(),
    class: z.string(),
    channels: z.array(z.object({ channel: count, relevance: number })),
    where: z
      .array(z.int())
      .describe(
        '[height, width]: for each pixel, the index in channels of the strongest channel; -1 if no channel has relevance there.'
      ),
    size: z.tuple([count, count]),
    path: z.array(z.object({ layer: z.string(), channel: count, above: count.nullable(), share: number }))
  }),
  rules,
  provenance
})
