import type { Tensor } from '../core/tensor.js'
import type { Images } from './images.js'
import { flipsOf, type Flips } from './intervene.js'
import { rowsOf, type Observed } from './observe.js'
import type { Bytes } from './pattern.js'
import type { Random } from './random.js'

/** A channel of one layer with its mean share of the relevance in a cluster, and in the rest of the class. */
export interface ClusterChannel {
  channel: number
  relevance: number
  elsewhere: number
}

/** What replacing the activation of a cluster's channels does to decisions: random channels change them less, or not. */
export interface ChannelIntervention {
  channels: number[]
  /** Their activation is set to 0 in images of the cluster: images that leave the class. */
  removed: Flips
  /** Images of other classes get their activation in images of the cluster: images that become the class. */
  inserted: Flips
  /** The same with as many random channels of the layer: the stronger of both. */
  random: Flips
}

const MOST_CHANNELS = 5
/** Sets of random channels that the cluster's own are compared with. */
const DRAWS = 2

/**
 * Channels whose share of the relevance is larger in the cluster than in the rest of the class, and how much of the cluster's
 * relevance the rest lacks: 0 where both use the same channels, 1 where they share none.
 * @param own images of the class; `members`: places among them
 */
export function clusterChannels(
  { channels }: Observed,
  own: number[],
  members: number[]
): { channels: ClusterChannel[]; exclusiveness: number } {
  const inside = new Set(members)
  const here = meanShares(
    channels,
    members.map((i) => own[i]!)
  )
  const others = own.filter((_, i) => !inside.has(i))
  const rest = meanShares(channels, others)
  const more = Array.from(here, (relevance, channel) => ({ channel, relevance, elsewhere: rest[channel]! })).filter(
    ({ relevance, elsewhere }) => relevance > elsewhere
  )
  const excess = more.reduce((sum, { relevance, elsewhere }) => sum + relevance - elsewhere, 0)
  more.sort((a, b) => b.relevance - b.elsewhere - (a.relevance - a.elsewhere))
  return { channels: more.slice(0, MOST_CHANNELS), exclusiveness: others.length > 0 ? Math.min(1, excess) : 0 }
}

/** Mean share of each channel in the positive relevance. */
function meanShares(channels: Observed['channels'], places: number[]): Float64Array {
  const { data, count, width } = rowsOf(channels, places)
  const result = new Float64Array(width)
  for (let i = 0; i < data.length; i++) result[i % width]! += Math.max(0, data[i]!) / Math.max(1, count)
  return result
}

/**
 * Sets channels to 0 in images of the cluster, and gives images of other classes the activation that the channels have in the
 * cluster, and does the same with random channels. Undefined where the layer has no others to compare with.
 */
export async function interveneInChannels(
  images: Images,
  target: number,
  { layer, channels: { width } }: Observed,
  channels: number[],
  { members, hosts }: { members: Bytes[]; hosts: Bytes[] },
  random: Random
): Promise<ChannelIntervention | undefined> {
  const rest = Array.from({ length: width }, (_, i) => i).filter((i) => !channels.includes(i))
  if (channels.length === 0 || rest.length === 0) return undefined
  const others = Array.from({ length: DRAWS }, () => random.some(rest, channels.length))
  const removed = (sets: number[][]): Promise<Flips> =>
    changed(images, members, { layer, sets }, (called) => called !== target)
  const donors = hosts.map((_, i) => members[i % members.length]!)
  const activation = hosts.length > 0 ? await images.activation(donors, layer) : undefined
  const inserted = (sets: number[][]): Promise<Flips> =>
    changed(images, hosts, { layer, sets, activation }, (called) => called === target)
  const randoms = [await removed(others), await inserted(others)]
  randoms.sort((a, b) => b.interval[1] - a.interval[1])
  return { channels, removed: await removed([channels]), inserted: await inserted([channels]), random: randoms[0]! }
}

interface Change {
  layer: string
  /** Channels that are replaced; images have the sets in turn. */
  sets: number[][]
  /** Activation that replaces theirs, [images, ...]; 0 without it. */
  activation?: Tensor
}

/** How many images are called something else once channels are replaced. */
async function changed(
  images: Images,
  some: Bytes[],
  { layer, sets, activation }: Change,
  counts: (called: number) => boolean
): Promise<Flips> {
  let flips = 0
  for (const [turn, channels] of sets.entries()) {
    const places = Array.from(some.keys()).filter((i) => i % sets.length === turn)
    if (places.length === 0) continue
    const replace = { layer, channels, values: activation && imagesAt(activation, places) }
    const called = await images.predict(
      places.map((i) => some[i]!),
      [replace]
    )
    flips += called.filter(counts).length
  }
  return flipsOf(flips, some.length)
}

/** Some images of a tensor [images, ...]. */
function imagesAt({ data, shape }: Tensor, places: number[]): Tensor {
  const [count, ...rest] = shape as [number, ...number[]]
  return { data: rowsOf({ data, count, width: data.length / count }, places).data, shape: [places.length, ...rest] }
}
