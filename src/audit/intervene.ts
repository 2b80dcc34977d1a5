import { inpaint } from '../evaluate/perturbation/inpaint.js'
import type { Images } from './images.js'
import {
  maskAt,
  paste,
  pasteMasked,
  shifted,
  somePlace,
  type Bytes,
  type ImageShape,
  type Pattern,
  type Place
} from './pattern.js'
import type { Random } from './random.js'

/** How many of the images changed class, with Wilson's interval of 95 % for the share. */
export interface Flips {
  images: number
  flips: number
  interval: [number, number]
}

export interface Intervention {
  /** The pattern is filled in from its surroundings: images that leave the class. */
  removed: Flips
  /** The pattern is pasted into images of other classes: images that become the class. */
  inserted: Flips
  /** The same with regions of the same shape at random places: the stronger of both. */
  random: Flips
  /** What other images of the class show at the same place, pasted likewise; where there are enough of them. */
  peers?: Flips
}

/** An image with the pattern, and where it lies. */
export interface Member {
  bytes: Bytes
  place: Place
}

const Z = 1.959963984540054
/** Pixels about the pattern that are filled in with it. */
const MARGIN = 1
/** Tries to find a random region that has little in common with the pattern's own. */
const TRIES = 20
/** Fewer images of the class without the pattern say nothing. */
const LEAST_PEERS = 20

export function flipsOf(flips: number, images: number): Flips {
  if (images === 0) return { images, flips: 0, interval: [0, 1] }
  const share = flips / images
  const scale = 1 + Z ** 2 / images
  const centre = (share + Z ** 2 / (2 * images)) / scale
  const half = (Z / scale) * Math.sqrt((share * (1 - share)) / images + (Z / (2 * images)) ** 2)
  return {
    images,
    flips: share,
    interval: [Math.min(share, Math.max(0, centre - half)), Math.max(share, Math.min(1, centre + half))]
  }
}

/** What is tested: a pattern, and whether it looks the same everywhere; else each image has its own content there. */
export interface Subject {
  pattern: Pattern
  constant: boolean
}

export interface Sample {
  members: Member[]
  /** Images that the model calls something else. */
  hosts: Bytes[]
  /** Images of the class without the pattern. */
  peers: Bytes[]
}

/** Pastes the pattern into images of other classes: how many become the class. */
export async function insert(
  images: Images,
  target: number,
  subject: Subject,
  sample: Sample,
  random: Random
): Promise<Flips> {
  const called = await images.predict(pasted(images, subject, sample, random))
  return flipsOf(called.filter((one) => one === target).length, called.length)
}

/** Images of other classes with the pattern. */
function pasted(
  { shape }: Images,
  { pattern, constant }: Subject,
  { members, hosts }: Sample,
  random: Random
): Bytes[] {
  return hosts.map((host) => {
    if (constant) return paste(host, shape, pattern, somePlace(pattern, shape, random))
    const { bytes, place } = members[random.below(members.length)]!
    return pasteMasked(host, bytes, maskAt(pattern, shape, place))
  })
}

/** Images that leave the class once the pattern is filled in. */
export async function leaving(images: Images, target: number, pattern: Pattern, members: Member[]): Promise<boolean[]> {
  const { shape } = images
  const without = members.map(({ bytes, place }) => filled(bytes, maskAt(pattern, shape, place, MARGIN), shape))
  return Array.from(await images.predict(without), (one) => one !== target)
}

/**
 * Takes the pattern out of its own images and puts it into others, and does the same with random regions. Without images of its
 * own, random regions are those of other images of the class.
 */
export async function intervene(
  images: Images,
  target: number,
  subject: Subject,
  sample: Sample,
  random: Random
): Promise<Intervention> {
  const { shape } = images
  const { members, hosts, peers } = sample
  const anywhere = peers.map((bytes) => ({ bytes, place: somePlace(subject.pattern, shape, random) }))
  const donors = members.length > 0 ? members : anywhere
  const masks = members.map(({ place }) => maskAt(subject.pattern, shape, place, MARGIN))
  const elsewhere = masks.map((mask) => randomRegion(mask, shape, random))
  const fill = (some: Uint8Array[]): Bytes[] => members.map(({ bytes }, i) => filled(bytes, some[i]!, shape))
  const inserted = pasted(images, subject, sample, random)
  const randomInserted = (donors.length > 0 ? hosts : []).map((host) => {
    const { bytes, place } = donors[random.below(donors.length)]!
    return pasteMasked(host, bytes, randomRegion(maskAt(subject.pattern, shape, place), shape, random))
  })
  const fromPeers =
    peers.length < LEAST_PEERS
      ? []
      : hosts.map((host, i) => {
          const { place } = donors[i % donors.length]!
          return pasteMasked(host, peers[random.below(peers.length)]!, maskAt(subject.pattern, shape, place))
        })
  const groups = [fill(masks), fill(elsewhere), inserted, randomInserted, fromPeers]
  const called = await images.predict(groups.flat())
  let at = 0
  const [left, leftAnyway, became, becameAnyway, fromOwn] = groups.map(({ length }, i) => {
    const own = called.subarray(at, (at += length))
    return flipsOf(own.filter((one) => (one === target) === i >= 2).length, length)
  }) as [Flips, Flips, Flips, Flips, Flips]
  const isLeft = leftAnyway.images > 0 && leftAnyway.interval[1] > becameAnyway.interval[1]
  const stronger = isLeft ? leftAnyway : becameAnyway
  return { removed: left, inserted: became, random: stronger, ...(fromPeers.length > 0 && { peers: fromOwn }) }
}

function filled(bytes: Bytes, mask: Uint8Array, shape: ImageShape): Bytes {
  return Uint8Array.from(inpaint(Float32Array.from(bytes), mask, { shape }), Math.round)
}

/** A region of the same shape at a random place, with as little of the mask in it as can be found. */
function randomRegion(mask: Uint8Array, shape: ImageShape, random: Random): Uint8Array {
  let [least, best] = [Infinity, mask]
  for (let i = 0; i < TRIES && least > 0; i++) {
    const other = shifted(mask, shape, random.below(shape[1]), random.below(shape[2]))
    const common = other.reduce((sum, inside, at) => sum + (inside & mask[at]!), 0)
    if (common < least) [least, best] = [common, other]
  }
  return best
}
