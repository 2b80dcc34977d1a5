import type { ChannelIntervention, ClusterChannel } from './cluster-channels.js'
import { formInWords } from './form.js'
import type { Flips, Intervention } from './intervene.js'
import type { Observed } from './observe.js'
import type { ImageShape, Pattern } from './pattern.js'
import type { AuditedCluster } from './result.js'
import type { Clustering } from './spectral/cluster.js'
import { channelReason, kindOf, otherwiseText, placeInWords, reasonOf } from './verdict.js'

/** Images of a class that belong together, by their place in the class, and what was tested of them. */
export interface Cluster {
  members: number[]
  intervention: Intervention
  /** What all of them show. */
  pattern?: Pattern
  /** The same pattern, as searched for in smaller images. */
  sought?: Pattern
  /** The file of a pattern that the user suspects; there may be no image that has it. */
  suspect?: string
  /** Else where their relevance lies. */
  region?: Pattern
}

/** What of the channels of the cluster was found. */
export interface ClusterConcept {
  channels: ClusterChannel[]
  exclusiveness: number
  intervention?: ChannelIntervention
}

interface Context {
  images: { shape: ImageShape }
  observed: Observed
  own: number[]
  className: string
  names: string[]
  /** Images labelled as the class that show the pattern, but are called something else; by their place in the split. */
  otherwise: number[]
  byMap: Clustering | undefined
}

/** A cluster as `audit.json` has it. Clusters are flagged only for a pattern that decides the class. */
export function describeCluster(cluster: Cluster, concept: ClusterConcept, context: Context): AuditedCluster {
  const { members, intervention, pattern, suspect, region } = cluster
  const { images, observed, own, className, names, otherwise, byMap } = context
  const { shape } = images
  const kind = pattern && kindOf(intervention)
  const tested = (pattern ?? region)!
  const { place, width, height } = tested
  const where = place ? { x: place.left, y: place.top, width, height } : null
  const what = pattern
    ? `${suspect ?? 'their common pattern'} (${formInWords(pattern, shape)})`
    : `the region of ${width}x${height} pixels ${placeInWords(where, [shape[1], shape[2]])}`
  const places = members.map((i) => own[i]!)
  const suspicionParts = {
    separation: byMap && members.length > 0 ? separationOf(byMap, members) : 0,
    concentration: concentrationOf(observed, places),
    sameness: pattern ? 1 : 0,
    exclusiveness: concept.exclusiveness
  }
  const parts = Object.values(suspicionParts)
  const all = [...places, ...otherwise]
  return {
    id: 0,
    size: all.length,
    images: all.map((i) => names[i]!),
    suspicion: parts.reduce((sum, part) => sum + part, 0) / parts.length,
    suspicionParts,
    where,
    channels: concept.channels.map((one) => ({ layer: observed.layer, ...one })),
    ...(suspect !== undefined && { suspect }),
    intervention: {
      removed: plain(intervention.removed),
      inserted: plain(intervention.inserted),
      random: plain(intervention.random),
      ...(intervention.peers && { peers: plain(intervention.peers) })
    },
    ...(concept.intervention && {
      channelIntervention: {
        ...concept.intervention,
        reason: channelReason(className, observed.layer, concept.intervention)
      }
    }),
    flagged: kind !== undefined,
    kind: kind ?? null,
    reason: reasonOf(className, what, intervention, kind) + otherwiseText(className, otherwise.length)
  }
}

const plain = ({ flips, interval, images }: Flips): Flips => ({ flips, interval, images })

/** How much more often than by chance an image's neighbours lie in its own cluster: 0 by chance, 1 always. */
function separationOf({ neighbours: { index, k } }: Clustering, members: number[]): number {
  const inside = new Set(members)
  const all = index.length / k
  if (inside.size === all) return 0
  let count = 0
  for (const i of members) for (const j of index.subarray(i * k, (i + 1) * k)) if (inside.has(j)) count++
  const chance = inside.size / all
  return Math.max(0, (count / (members.length * k) - chance) / (1 - chance))
}

/** Share of the cluster's mean magnitudes that lies on the strongest twentieth of the pixels. */
function concentrationOf({ maps }: Observed, members: number[]): number {
  const mean = new Float64Array(maps.width)
  for (const i of members) {
    for (let x = 0; x < maps.width; x++) mean[x]! += Math.abs(maps.data[i * maps.width + x]!)
  }
  const sorted = mean.sort().reverse()
  const total = sorted.reduce((sum, value) => sum + value, 0)
  const strongest = sorted.subarray(0, Math.ceil(sorted.length / 20)).reduce((sum, value) => sum + value, 0)
  return total > 0 ? strongest / total : 0
}
