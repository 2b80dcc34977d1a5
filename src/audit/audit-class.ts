import { clusterChannels, interveneInChannels } from './cluster-channels.js'
import { clusterPatterns } from './cluster-patterns.js'
import { describeCluster, type Cluster, type ClusterConcept } from './describe-cluster.js'
import type { Images } from './images.js'
import { insert, intervene, type Intervention, type Sample } from './intervene.js'
import { magnitudesOf, rowsOf, type Observed } from './observe.js'
import { enlarged, findPattern, PRESENT, type Bytes, type Match, type Pattern } from './pattern.js'
import { Random } from './random.js'
import { regionOf } from './region.js'
import type { AuditedClass, AuditedCluster } from './result.js'
import { spectralClusters } from './spectral/cluster.js'
import { patchPng } from './patch-png.js'
import { isDecisive } from './verdict.js'

/** Images of other classes that patterns are compared with, and that they are pasted into. */
const OTHERS = 192
/** Images that an intervention changes. */
const TRIALS = 80
/** Images of a first look, and the share that must change for a second. */
const FIRST_TRIALS = 16
const FIRST_SHARE = 0.25
/** A class of fewer images is one cluster. */
const LEAST_IMAGES = 12
const LEAST_MEMBERS = 5
/** What more of the images of other classes show is nothing special. */
const MOST_ELSEWHERE = 0.15

/** A pattern that decides the class, and the images that have it, by their place in the class. */
interface Decisive {
  pattern: Pattern
  matches: Match[]
  members: number[]
  intervention: Intervention
}

/** What an audit finds in one class. */
export interface ClassFindings {
  audited: AuditedClass
  patches: Patch[]
}

/** The pattern of a flagged cluster. */
export interface Patch {
  class: string
  /** Of the cluster. */
  id: number
  /** Base64; transparent but for the pattern's pixels. */
  png: string
}

/** Everything about one class while it is audited. */
interface Class {
  images: Images
  observed: Observed
  target: number
  /** Its images, by their place in the split. */
  own: number[]
  /** The same as they are searched for patterns. */
  bytes: Bytes[]
  /** Some images of other classes. */
  others: { indices: number[]; bytes: Bytes[] }
  random: Random
}

/**
 * Clusters the images that the model calls one class, seeks what decides the class in every cluster, and tests it.
 * @param names paths of all images
 */
export async function auditClass(
  images: Images,
  observed: Observed,
  target: number,
  className: string,
  names: string[],
  seed: number
): Promise<ClassFindings> {
  const random = new Random(seed * 1009 + target)
  const own = indicesOf(observed.predicted, (one) => one === target)
  const foreign = random.some(
    indicesOf(observed.predicted, (one) => one !== target),
    OTHERS
  )
  const some: Class = {
    images,
    observed,
    target,
    own,
    bytes: await images.readSmall(own),
    others: { indices: foreign, bytes: await images.readSmall(foreign) },
    random
  }
  const clustered = own.length >= LEAST_IMAGES
  const byMap = clustered ? spectralClusters(rowsOf(observed.maps, own)) : undefined
  const byChannel = clustered ? spectralClusters(rowsOf(observed.channels, own)) : undefined
  const groups = [byMap, byChannel].flatMap((one) => (one ? groupsOf(one.labels, one.count) : []))
  const decisive = foreign.length > 0 ? await decisivePatterns(some, groups) : []
  const clusters: Cluster[] = decisive.map(({ pattern, members, intervention }) => ({ members, intervention, pattern }))
  const claimed = new Set(clusters.flatMap(({ members }) => members))
  for (const members of byMap ? groupsOf(byMap.labels, byMap.count) : [own.map((_, i) => i)]) {
    const left = members.filter((i) => !claimed.has(i))
    if (left.length > 0) clusters.push(await regionCluster(some, left))
  }
  const described: { cluster: Cluster; entry: AuditedCluster }[] = []
  for (const cluster of clusters) {
    const concept = await conceptOf(some, cluster)
    described.push({ cluster, entry: describeCluster(cluster, concept, { ...some, className, names, byMap }) })
  }
  described.sort((a, b) => Number(b.entry.flagged) - Number(a.entry.flagged) || b.entry.suspicion - a.entry.suspicion)
  const patches: ClassFindings['patches'] = []
  for (const [id, { cluster, entry }] of described.entries()) {
    if (!entry.flagged) continue
    const png = await patchPng(cluster.pattern!, images.shape)
    patches.push({ class: className, id, png: png.toString('base64') })
  }
  return {
    audited: {
      class: className,
      images: own.length,
      eigenvalues: byMap?.eigenvalues ?? [],
      clusters: described.map(({ entry }, id) => ({ ...entry, id }))
    },
    patches
  }
}

/** Patterns that decide the class, the strongest first, each with the images that no stronger one has. */
async function decisivePatterns(some: Class, groups: number[][]): Promise<Decisive[]> {
  const { observed, own, images, bytes, others, random } = some
  const relevance = (i: number): Float32Array => magnitudesOf(observed, own[i]!, images.workShape)
  const patterns = clusterPatterns(groups, bytes, relevance, others.bytes, images.workShape, random)
  const found: Decisive[] = []
  for (const pattern of patterns) {
    const decisive = await tested(some, pattern)
    if (decisive) found.push(decisive)
  }
  const strength = ({ members, intervention: { removed, inserted } }: Decisive): number =>
    members.length * removed.flips * inserted.flips
  found.sort((a, b) => strength(b) - strength(a))
  const claimed = new Set<number>()
  return found.flatMap((one) => {
    const members = one.members.filter((i) => !claimed.has(i))
    if (members.length < Math.max(LEAST_MEMBERS, one.members.length / 2)) return []
    members.forEach((i) => claimed.add(i))
    return [{ ...one, members }]
  })
}

/** The pattern with its images, where it decides the class. */
async function tested(some: Class, pattern: Pattern): Promise<Decisive | undefined> {
  const { images, target, own, bytes, others, random } = some
  const { factor } = images
  const subject = { pattern: enlarged(pattern, factor), constant: true }
  const hosts = await images.read(random.some(others.indices, TRIALS))
  const few: Sample = { members: [], hosts: hosts.slice(0, FIRST_TRIALS), peers: [] }
  if ((await insert(images, target, subject, few, random)).flips < FIRST_SHARE) return undefined
  const has = (one: Bytes): boolean => findPattern(one, images.workShape, pattern).share >= PRESENT
  if (others.bytes.filter(has).length > MOST_ELSEWHERE * others.bytes.length) return undefined
  const matches = bytes.map((one) => findPattern(one, images.workShape, pattern))
  const members = indicesOf(matches, ({ share }) => share >= PRESENT)
  if (members.length < LEAST_MEMBERS) return undefined
  const chosen = random.some(members, TRIALS)
  const read = await images.read(chosen.map((i) => own[i]!))
  const without = own.filter((_, i) => matches[i]!.share < 0.5)
  const sample: Sample = {
    members: chosen.map((i, at) => ({
      bytes: read[at]!,
      place: { top: matches[i]!.top * factor, left: matches[i]!.left * factor }
    })),
    hosts,
    peers: await images.read(random.some(without, TRIALS))
  }
  const intervention = await intervene(images, target, subject, sample, random)
  return isDecisive(intervention) ? { pattern: subject.pattern, matches, members, intervention } : undefined
}

/** A cluster without such a pattern: the region of its relevance is tested as it is. */
async function regionCluster(some: Class, members: number[]): Promise<Cluster> {
  const { images, observed, target, own, others, random } = some
  const region = regionOf(
    members.map((i) => magnitudesOf(observed, own[i]!, images.shape)),
    images.shape
  )
  const read = await images.read(random.some(members, FIRST_TRIALS).map((i) => own[i]!))
  const sample: Sample = {
    members: read.map((bytes) => ({ bytes, place: region.place! })),
    hosts: await images.read(random.some(others.indices, FIRST_TRIALS)),
    peers: []
  }
  const intervention = await intervene(images, target, { pattern: region, constant: false }, sample, random)
  return { members, intervention, region }
}

/** The channels that matter more in a cluster than in the rest of its class, tested. */
async function conceptOf(some: Class, { members, pattern }: Cluster): Promise<ClusterConcept> {
  const { images, observed, target, own, others, random } = some
  const found = clusterChannels(observed, own, members)
  const trials = pattern ? TRIALS : FIRST_TRIALS
  const sample = {
    members: await images.read(random.some(members, trials).map((i) => own[i]!)),
    hosts: await images.read(random.some(others.indices, trials))
  }
  const channels = found.channels.map(({ channel }) => channel)
  return { ...found, intervention: await interveneInChannels(images, target, observed, channels, sample, random) }
}

function groupsOf(labels: number[], count: number): number[][] {
  return Array.from({ length: count }, (_, id) => labels.flatMap((label, i) => (label === id ? [i] : [])))
}

function indicesOf<T>(values: ArrayLike<T>, wanted: (value: T) => boolean): number[] {
  return Array.from({ length: values.length }, (_, i) => i).filter((i) => wanted(values[i]!))
}
