import * as z from 'zod'
import { provenanceSchema, rulesSchema } from '../model/provenance.js'

const share = z.number().min(0).max(1)
const flips = z
  .object({
    flips: share.describe('Share of the modified images whose predicted class changed.'),
    interval: z.tuple([share, share]).describe('95 % Wilson interval of this share.'),
    images: z.int().min(0).describe('Number of modified images.')
  })
  .describe('Effect of modifying images on the predicted class.')

const box = z.object({ x: z.int().min(0), y: z.int().min(0), width: z.int().min(1), height: z.int().min(1) })

const cluster = z.object({
  id: z.int().min(0),
  size: z.int().min(0),
  images: z
    .array(z.string())
    .describe(
      'Paths relative to the data folder, or a file and the number in it. Images of the class that show the pattern but are classified differently come last.'
    ),
  suspicion: share.describe(
    'Mean of suspicionParts. It sorts the clusters, but does not decide which clusters are flagged.'
  ),
  suspicionParts: z.object({
    separation: share.describe('How much more often than by chance neighbours are in the same cluster.'),
    concentration: share.describe('Share of the relevance in the strongest 5 % of the pixels.'),
    sameness: share.describe('1 if the images show a common pattern, otherwise 0.'),
    exclusiveness: share.describe('Share of the relevance in channels that the rest of the class does not use.')
  }),
  where: box.nullable().describe('Pixels of the tested region; null if it varies from image to image.'),
  channels: z
    .array(z.object({ layer: z.string(), channel: z.int().min(0), relevance: share, elsewhere: share }))
    .describe('Channels whose share of the relevance is larger here than in the rest of the class.'),
  suspect: z
    .string()
    .optional()
    .describe('File of the suspected pattern; it is possible that no image contains the pattern.'),
  intervention: z.object({
    removed: flips.describe('Images that leave the class when the region is filled in from its surroundings.'),
    inserted: flips.describe('Images of other classes that become the class when the region is pasted into them.'),
    random: flips.describe(
      'Images that change class when regions of the same shape at random positions are filled in or pasted; the larger of the two effects.'
    ),
    peers: flips
      .optional()
      .describe(
        'Images of other classes that become the class when pixels of other images of the class are pasted at the same position; only for patterns with 20 such images.'
      )
  }),
  channelIntervention: z
    .object({
      channels: z.array(z.int().min(0)).describe('Channels that are replaced together.'),
      removed: flips.describe(
        'Images of the cluster that leave the class when the activation of these channels is set to 0.'
      ),
      inserted: flips.describe(
        'Images of other classes that become the class when these channels get their activation from the cluster.'
      ),
      random: flips.describe(
        'Images that change class when an equal number of random channels of the layer is replaced; the larger of the two effects.'
      ),
      reason: z.string()
    })
    .optional()
    .describe('Missing if the layer has no other channels for comparison.'),
  flagged: z.boolean(),
  kind: z
    .enum(['decides', 'enough'])
    .nullable()
    .describe(
      'Grade of a flagged cluster. decides: without the pattern, its images leave the class. enough: its images stay in the class, but the pattern changes the class of other images.'
    ),
  reason: z.string()
})

export const auditSchema = z.object({
  version: z.literal(1),
  model: z.string(),
  data: z.string(),
  split: z.string(),
  rule: z.string(),
  layer: z.string().describe('The analysed layer.'),
  seed: z.int(),
  accuracy: share,
  images: z.int().min(1),
  classes: z.array(
    z.object({
      class: z.string(),
      images: z.int().min(0).describe('Number of images that the model assigns to this class.'),
      eigenvalues: z.array(z.number()).describe('Eigenvalues of the Laplacian, smallest first.'),
      patterns: z
        .int()
        .min(0)
        .describe('Number of repeated patterns that were found in images of the class and tested.'),
      leastShare: share.describe('Share of the class that must contain a pattern for the search to find it.'),
      clusters: z.array(cluster)
    })
  ),
  flagged: z.array(z.object({ class: z.string(), cluster: z.int().min(0), reason: z.string() })),
  rules: rulesSchema,
  provenance: provenanceSchema
})

/** Content of `audit.json`. */
export type AuditResult = z.output<typeof auditSchema>
export type AuditedClass = AuditResult['classes'][number]
export type AuditedCluster = AuditedClass['clusters'][number]

/** Returns the JSON Schema of `audit.json`; docs/schemas/audit.schema.json is a copy. */
export function auditJsonSchema(): object {
  return z.toJSONSchema(auditSchema)
}
