import * as z from 'zod'
import type { Dataset } from '../data/dataset.js'
import { readPatch } from '../data/patch.js'
import { LrpError } from '../core/errors.js'
import { toCamel, toKebab } from '../core/flag-names.js'
import { checkContent } from '../core/options.js'
import { unknownName } from '../core/suggest.js'
import type { NativeAugmentation } from '../native/train-types.js'

/**
 * Random changes of training images, drawn again in every epoch from the run's seed. In this order: insert, crop, flips,
 * affine map, colours, erasing.
 */
export const augmentSchema = z.strictObject({
  /**
   * Whether the crop of the preprocessing is taken from a random position instead of the centre (torchvision's
   * RandomCrop).
   */
  randomCrop: z.boolean().optional(),
  /**
   * Number of black pixels added on every side before the image is cropped at a random position to the network's input
   * size.
   */
  crop: z.int().positive().optional(),
  /** Whether images are mirrored left to right with probability 1/2; `verticalFlip` mirrors them top to bottom. */
  flip: z.boolean().optional(),
  verticalFlip: z.boolean().optional(),
  /** Largest angle in degrees, in both directions. */
  rotation: z.number().min(0).max(180).optional(),
  /** Largest shift in both directions, as a share of the image size. */
  translate: z.number().min(0).max(1).optional(),
  /** For a value v, zoom factors are from 1 - v to 1 + v. */
  zoom: z.number().min(0).lt(1).optional(),
  /** Largest angle in degrees, in both directions. */
  shear: z.number().min(0).lt(90).optional(),
  /** For a value v, factors are from 1 - v to 1 + v (torchvision's ColorJitter). */
  brightness: z.number().min(0).max(1).optional(),
  contrast: z.number().min(0).max(1).optional(),
  saturation: z.number().min(0).max(1).optional(),
  /** Largest rotation in both directions, as a share of the colour circle. */
  hue: z.number().min(0).max(0.5).optional(),
  /**
   * Patch that is pasted into a random half of the training images of all classes: `patch.png`, or
   * `patch.png@left:top`.
   */
  insert: z.string().min(1).optional(),
  /** Probability that a rectangle is set to the mean (torchvision's RandomErasing). */
  erasing: z.number().min(0).max(1).optional()
})

export type Augmentation = z.infer<typeof augmentSchema>

const NAMES = Object.keys(augmentSchema.shape)
const FLAGS = ['randomCrop', 'flip', 'verticalFlip']

/** How `parseAugment` is undone. */
export function augmentText(augment: Augmentation): string {
  const set = Object.entries(augment).filter(([, value]) => value !== false)
  return set.map(([name, value]) => (value === true ? toKebab(name) : `${toKebab(name)}=${value}`)).join(',')
}

/** `crop=4,flip,rotation=10` as an object. @throws LrpError INVALID_ARGUMENT, with the nearest name for an unknown one */
export function parseAugment(text: string): Augmentation {
  const entries = text.split(',').map((part): [string, number | boolean | string] => {
    const [given = '', value] = part.trim().split('=')
    const name = toCamel(given)
    if (!NAMES.includes(name)) throw unknownName('augmentation', given, NAMES.map(toKebab))
    if (FLAGS.includes(name) && value === undefined) return [name, true]
    if (name === 'insert' && value) return [name, value]
    const number = Number(value)
    if (value === undefined || value === '' || FLAGS.includes(name) || Number.isNaN(number)) {
      throw new LrpError(
        'INVALID_ARGUMENT',
        `the augmentation '${part}' must be written as ${FLAGS.includes(name) ? given : `${given}=${name === 'insert' ? 'PATCH.png' : 'NUMBER'}`}`
      )
    }
    return [name, number]
  })
  return checkContent(augmentSchema, Object.fromEntries(entries), 'the augmentations')
}

/** @throws LrpError INVALID_ARGUMENT for a padding that leaves windows without anything of the image */
export function checkAugmentation(given: Augmentation | undefined, { imageShape: [, height, width] }: Dataset): void {
  const { crop = 0 } = given ?? {}
  if (crop < Math.min(height, width)) return
  throw new LrpError(
    'INVALID_ARGUMENT',
    `the padding of the augmentation crop=${crop} must be smaller than the images, which are ${height}x${width}`
  )
}

/**
 * As the addon wants it; undefined when nothing is changed.
 * @param stored channels, height and width of the stored images
 * @throws LrpError INVALID_FILE, INVALID_ARGUMENT for a patch that cannot be read or does not fit
 */
export async function nativeAugmentation(
  given: Augmentation | undefined,
  stored: [number, number, number]
): Promise<NativeAugmentation | undefined> {
  if (!given || Object.values(given).every((value) => !value)) return undefined
  const { crop = 0, flip = false, zoom = 0 } = given
  const { randomCrop = false, verticalFlip = false, rotation = 0, translate = 0, shear = 0 } = given
  const { brightness = 0, contrast = 0, saturation = 0, hue = 0, erasing = 0 } = given
  const windows = { randomCrop, cropPadding: crop, horizontalFlip: flip, verticalFlip }
  const warps = { rotation, translate, scaleLow: 1 - zoom, scaleHigh: 1 + zoom, shear }
  const insert = given.insert === undefined ? undefined : await readPatch(given.insert, stored)
  return { ...windows, ...warps, brightness, contrast, saturation, hue, erasing, insert }
}
