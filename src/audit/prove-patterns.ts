import { clusterPatterns, type Group } from './cluster-patterns.js'
import type { Images } from './images.js'
import { insert, intervene, leaving, type Intervention, type Member, type Sample, type Subject } from './intervene.js'
import { magnitudesOf, type Observed } from './observe.js'
import { asExactAsShown } from './exactness.js'
import { enlarged, findPattern, PRESENT, shows, type Bytes, type Match, type Pattern } from './pattern.js'
import { placesWith } from './places.js'
import type { Random } from './random.js'
import { groupsByBlock, LEAST_REPEATED, MOST_COMPARED } from './repeated-blocks.js'
import { groupsByWindow } from './repeated-windows.js'
import { sharpened } from './sharpen.js'
import { kindOf, type Kind } from './verdict.js'

/** Images that an intervention changes. */
export const TRIALS = 80
/** Images of a first look, and the share that must change for a second. */
export const FIRST_TRIALS = 16
const FIRST_SHARE = 0.25
/** What more of the images of other classes show is nothing special. */
const MOST_ELSEWHERE = 0.15
/** Below this share of a pattern's pixels, an image does not have it. */
export const ABSENT = 0.5
/**
 * Maximum number of images with a part of a pattern, for each image that has all of it: an artefact is there, or it is not. If the
 * place is free, a part is often found by chance.
 */
const MOST_IN_PART = { decides: { fixed: 0.75, anywhere: 2 }, enough: { fixed: 0.5, anywhere: 0.5 } }

/** Everything about one class while it is audited. */
export interface Class {
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

/** A pattern that holds the class, and the images that have it, by their place in the class. */
interface Proven {
  pattern: Pattern
  /** The same pattern, as searched for in smaller images. */
  sought: Pattern
  members: number[]
  intervention: Intervention
  kind: Kind
}

/** Share of a class, if it has this number of images or more, below which patterns are not sought. */
export function leastShare(images: number): number {
  return Math.min(1, LEAST_REPEATED / Math.max(1, Math.min(images, MOST_COMPARED)))
}

/**
 * Seeks patterns in the groups, in the whole class, and in images that share small blocks, and tests them.
 * @param groups places in the class
 * @param claimed images that belong to something else; those of what is found are added
 * @returns those that are proven, the strongest first, each with the images that no stronger one has; how many were tested
 */
export async function provenPatterns(
  some: Class,
  groups: number[][],
  claimed: Set<number>
): Promise<{ found: Proven[]; tested: number }> {
  const { observed, own, images, bytes, others, random } = some
  if (others.bytes.length === 0) return { found: [], tested: 0 }
  const relevance = (i: number): Float32Array => magnitudesOf(observed, own[i]!, images.workShape)
  const clusters = groups.map((members): Group => ({ members, lies: 'either' }))
  const all = [...clusters, ...repeatedGroups(some, relevance)]
  const patterns = clusterPatterns(all, bytes, relevance, others.bytes, images.workShape, random)
  const proven: Proven[] = []
  for (const pattern of patterns) {
    const one = await prove(some, pattern)
    if (one) proven.push(one)
  }
  proven.sort((a, b) => strength(b) - strength(a))
  const found = proven.flatMap((one) => {
    const members = one.members.filter((i) => !claimed.has(i))
    if (members.length < Math.max(LEAST_REPEATED, one.members.length / 2)) return []
    members.forEach((i) => claimed.add(i))
    return [{ ...one, members }]
  })
  return { found, tested: patterns.length }
}

/** The whole class, and its images that show the same, at one place or at their most relevant ones. */
function repeatedGroups(some: Class, relevance: (image: number) => Float32Array): Group[] {
  const { observed, images, bytes, others, random } = some
  const { workShape } = images
  const compared = random.some(Array.from(bytes.keys()), MOST_COMPARED)
  const seen = compared.map((i) => ({ bytes: bytes[i]!, relevance: relevance(i) }))
  const foreign = others.indices.map((image, i) => ({
    bytes: others.bytes[i]!,
    relevance: magnitudesOf(observed, image, workShape)
  }))
  const byBlock = groupsByBlock(
    seen.map((one) => one.bytes),
    others.bytes,
    workShape
  )
  const byWindow = groupsByWindow(seen, foreign, workShape, random)
  const inClass = (all: number[][], lies: Group['lies']): Group[] =>
    all.map((group) => ({ members: group.map((i) => compared[i]!), lies }))
  return [{ members: compared, lies: 'either' }, ...inClass(byBlock, 'fixed'), ...inClass(byWindow, 'anywhere')]
}

/** What decides comes before what is enough by itself. */
function strength({ members, kind, intervention: { removed, inserted } }: Proven): number {
  return kind === 'decides'
    ? 1 + members.length * removed.flips * inserted.flips
    : -1 / (members.length * inserted.flips)
}

/** The pattern with its images, where it holds the class. */
async function prove(some: Class, pattern: Pattern): Promise<Proven | undefined> {
  const { images, target, own, bytes, others, random } = some
  const { factor, workShape } = images
  const hosts = await images.read(random.some(others.indices, TRIALS))
  const few: Sample = { members: [], hosts: hosts.slice(0, FIRST_TRIALS), peers: [] }
  const turnsSome = async (one: Subject): Promise<boolean> =>
    (await insert(images, target, one, few, random)).flips >= FIRST_SHARE
  const rough = { pattern: enlarged(pattern, factor), constant: true }
  if (factor === 1 && !(await turnsSome(rough))) return undefined
  const matches = bytes.map((one) => findPattern(one, workShape, pattern))
  const members = placesWith(matches, ({ share }) => share >= PRESENT)
  if (members.length < LEAST_REPEATED) return undefined
  const held = await heldBy(some, matches, members)
  const subject = { ...rough, pattern: sharpened(rough.pattern, held, images) }
  if (factor > 1 && !(await turnsSome(subject))) return undefined
  const has = (one: Bytes): boolean => findPattern(one, workShape, pattern).share >= PRESENT
  if (others.bytes.filter(has).length > MOST_ELSEWHERE * others.bytes.length) return undefined
  const without = placesWith(matches, ({ share }) => share < ABSENT)
  const peers = await images.read(random.some(without, TRIALS).map((i) => own[i]!))
  const intervention = await intervene(images, target, subject, { members: held, hosts, peers }, random)
  const kind = kindOf(intervention)
  if (kind === undefined) return undefined
  const inPart = matches.length - members.length - without.length
  const most = MOST_IN_PART[kind][pattern.place ? 'fixed' : 'anywhere']
  if (inPart > most * members.length) return undefined
  const sought = asExactAsShown(pattern, bytes, matches, members, workShape)
  const exact = sought === pattern ? matches : bytes.map((one) => findPattern(one, workShape, sought))
  const shown = placesWith(exact, (match) => shows(match, sought))
  const partly = pattern.place && kind === 'decides' ? await needing(some, subject.pattern, sought, exact) : []
  return { pattern: subject.pattern, sought, members: [...shown, ...partly], intervention, kind }
}

/**
 * Images that show a part of a pattern at its place, and leave the class once it is filled in: they have it too, but something covers
 * it, or it is transparent.
 */
async function needing(
  { images, target, own }: Class,
  pattern: Pattern,
  sought: Pattern,
  matches: Match[]
): Promise<number[]> {
  const partly = placesWith(matches, (match) => match.share >= ABSENT && !shows(match, sought))
  const read = await images.read(partly.map((i) => own[i]!))
  const members = read.map((bytes) => ({ bytes, place: pattern.place! }))
  const isLeft = await leaving(images, target, pattern, members)
  return partly.filter((_, at) => isLeft[at])
}

/** Some of the images that have a pattern, and its place in them. @param matches of all images of the class */
export async function heldBy(some: Class, matches: Match[], members: number[]): Promise<Member[]> {
  const { images, own, random } = some
  const chosen = random.some(members, TRIALS)
  const read = await images.read(chosen.map((i) => own[i]!))
  return chosen.map((i, at) => {
    const { top, left } = matches[i]!
    return { bytes: read[at]!, place: { top: top * images.factor, left: left * images.factor } }
  })
}
