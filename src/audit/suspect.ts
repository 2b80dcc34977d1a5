import { basename } from 'node:path'
import { LrpError } from '../core/errors.js'
import { readPatch } from '../data/patch.js'
import type { Images } from './images.js'
import { intervene, type Intervention } from './intervene.js'
import { cropped, findPattern, maskAt, paste, PRESENT, type ImageShape, type Pattern } from './pattern.js'
import { placesWith } from './places.js'
import { ABSENT, heldBy, TRIALS, type Class } from './prove-patterns.js'

/** A pattern that the user suspects. */
export interface Suspect {
  name: string
  pattern: Pattern
  /** As it is sought in smaller images; undefined where nothing of it is left in them. */
  small: Pattern | undefined
}

/** What was tested of a suspect in one class, and the images of the class that have it. */
export interface Suspected {
  suspect: Suspect
  pattern: Pattern
  sought: Pattern | undefined
  members: number[]
  intervention: Intervention
}

/**
 * Reads patches as `finetune --augment insert=` does: one as large as the images lies where it is opaque, a smaller one at its
 * place (`patch.png@left:top`), else anywhere.
 * @throws LrpError INVALID_FILE, INVALID_ARGUMENT (larger than the images, or transparent everywhere)
 */
export async function readSuspects(paths: readonly string[], images: Images): Promise<Suspect[]> {
  return Promise.all(
    paths.map(async (path) => {
      const { pixels, mask, place } = await readPatch(path, images.shape)
      const [, height, width] = pixels.shape as ImageShape
      const isWhole = height === images.shape[1] && width === images.shape[2]
      const [data, inside] = [pixels.data as Uint8Array, mask.data as Uint8Array]
      const found = cropped(inside, data, pixels.shape as ImageShape, 1, isWhole || place !== undefined)
      if (!found)
        throw new LrpError('INVALID_ARGUMENT', `the patch ${path} is completely transparent: make its pattern opaque`)
      const [top, left] = place ?? [0, 0]
      const at = found.place && { top: found.place.top + top!, left: found.place.left + left! }
      const pattern = at ? { ...found, place: at } : found
      return { name: basename(path), pattern, small: shrunk(pattern, images) }
    })
  )
}

/** The pattern in the images that patterns are sought in: the pixels that it covers wholly. */
function shrunk(pattern: Pattern, images: Images): Pattern | undefined {
  const { shape, factor, workShape } = images
  if (factor === 1) return pattern
  const place = pattern.place ?? { top: 0, left: 0 }
  const mask = maskAt(pattern, shape, place)
  const content = images.small(paste(new Uint8Array(shape[0] * shape[1] * shape[2]), shape, pattern, place))
  const [, rows, columns] = workShape
  const covered = new Uint8Array(rows * columns).map((_, i) => {
    const [top, left] = [Math.floor(i / columns) * factor, (i % columns) * factor]
    for (let y = top; y < top + factor; y++)
      for (let x = left; x < left + factor; x++) if (!mask[y * shape[2] + x]) return 0
    return 1
  })
  return cropped(covered, content, workShape, 1, pattern.place !== undefined)
}

/** Tests a suspect in one class by the same intervention as what the audit finds itself. */
export async function testSuspect(some: Class, suspect: Suspect): Promise<Suspected> {
  const { images, target, own, bytes, others, random } = some
  const { pattern, small } = suspect
  const matches = bytes.map((one) =>
    small ? findPattern(one, images.workShape, small) : { top: 0, left: 0, share: 0 }
  )
  const members = placesWith(matches, ({ share }) => share >= PRESENT)
  const without = placesWith(matches, ({ share }) => share < ABSENT)
  const sample = {
    members: (await heldBy(some, matches, members)).map((one) => ({ ...one, place: pattern.place ?? one.place })),
    hosts: await images.read(random.some(others.indices, TRIALS)),
    peers: await images.read(random.some(without, TRIALS).map((i) => own[i]!))
  }
  const intervention = await intervene(images, target, { pattern, constant: true }, sample, random)
  return { suspect, pattern, sought: small, members, intervention }
}
