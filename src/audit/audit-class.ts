import { clusterChannels, interveneInChannels } from './cluster-channels.js'
import { describeCluster, type Cluster, type ClusterConcept } from './describe-cluster.js'
import type { Images } from './images.js'
import { imagesCalledOtherwise } from './images-called-otherwise.js'
import { intervene, type Sample } from './intervene.js'
import { magnitudesOf, rowsOf, type Observed } from './observe.js'
import { FIRST_TRIALS, leastShare, provenPatterns, TRIALS, type Class } from './prove-patterns.js'
import { Random } from './random.js'
import { regionOf } from './region.js'
import type { AuditedClass, AuditedCluster } from './result.js'
import { spectralClusters } from './spectral/cluster.js'
import { placesWith } from './places.js'
import { patchPng } from './patch-png.js'
import { testSuspect, type Suspect, type Suspected } from './suspect.js'
import { kindOf } from './verdict.js'

/** Images of other classes that patterns are compared with, and that they are pasted into. */
const OTHERS = 192
/** A class of fewer images is one cluster. */
const LEAST_IMAGES = 12

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

/**
 * Clusters the images that the model calls one class, seeks what decides the class in every cluster, and tests it.
 * @param names paths of all images; @param labels their classes as the data have them
 * @param suspects patterns that are tested, whether they are found or not
 */
export async function auditClass(
  images: Images,
  observed: Observed,
  target: number,
  className: string,
  names: string[],
  labels: ArrayLike<number>,
  seed: number,
  suspects: Suspect[] = []
): Promise<ClassFindings> {
  const random = new Random(seed * 1009 + target)
  const own = placesWith(observed.predicted, (one) => one === target)
  const foreign = random.some(
    placesWith(observed.predicted, (one) => one !== target),
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
  const { clusters, claimed, tested } = await patternClusters(some, groups, suspects)
  for (const members of byMap ? groupsOf(byMap.labels, byMap.count) : [own.map((_, i) => i)]) {
    const left = members.filter((i) => !claimed.has(i))
    if (left.length > 0) clusters.push(await regionCluster(some, left))
  }
  const described: { cluster: Cluster; entry: AuditedCluster }[] = []
  const proven = clusters.map(({ sought, intervention }) => (kindOf(intervention) ? sought : undefined))
  const called = await imagesCalledOtherwise(some, labels, proven)
  for (const [i, cluster] of clusters.entries()) {
    const concept = await conceptOf(some, cluster)
    const context = { ...some, className, names, otherwise: called[i]!, byMap }
    described.push({ cluster, entry: describeCluster(cluster, concept, context) })
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
      patterns: tested,
      leastShare: leastShare(own.length),
      clusters: described.map(({ entry }, id) => ({ ...entry, id }))
    },
    patches
  }
}

/** Clusters of images that have a pattern that holds the class, or a suspected one. */
async function patternClusters(
  some: Class,
  groups: number[][],
  suspects: Suspect[]
): Promise<{ clusters: Cluster[]; claimed: Set<number>; tested: number }> {
  const claimed = new Set<number>()
  const claim = ({ members, ...rest }: Suspected): Cluster => {
    const left = members.filter((i) => !claimed.has(i))
    left.forEach((i) => claimed.add(i))
    return { ...rest, suspect: rest.suspect.name, members: left }
  }
  const suspected: Suspected[] = []
  for (const suspect of suspects) suspected.push(await testSuspect(some, suspect))
  const isProven = ({ intervention }: Suspected): boolean => kindOf(intervention) !== undefined
  const first = suspected.filter(isProven).map(claim)
  const { found, tested } = await provenPatterns(some, groups, claimed)
  const clusters = found.map(({ pattern, sought, members, intervention }) => ({
    members,
    intervention,
    pattern,
    sought
  }))
  const last = suspected.filter((one) => !isProven(one)).map(claim)
  return { clusters: [...first, ...clusters, ...last], claimed, tested }
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
  if (members.length === 0) return { channels: [], exclusiveness: 0 }
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
