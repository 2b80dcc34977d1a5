import * as z from 'zod'
import { option } from '../../core/option.js'
import { isTensor, type Tensor } from '../../core/tensor.js'

const classNumber = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
const classes = z.union([classNumber, z.string(), z.array(z.union([classNumber, z.string()])).min(1)])

export const tensor = z.custom<Tensor>(isTensor, 'must be a tensor: { data: Float32Array, shape }')

/** Options that restrict a target; each is also an option of `explain`. */
const parts = z.strictObject({
  region: option(
    z.union([
      z.enum(['predicted', 'all']),
      z.tuple([z.int().min(0), z.int().min(0)]),
      z.tuple([z.int().min(0)]),
      z.string(),
      tensor
    ]),
    {
      help: 'region to explain in the output of a segmentation network: predicted (where the network predicts the class), y,x (one position, in pixels of the input), a mask image, or all (every position)',
      group: 'what',
      unit: 'region',
      default: 'predicted',
      files: 'settings',
      commas: true,
      read: ([text]) => (/^\d+(,\d+)?$/.test(text!) ? text!.split(',').map(Number) : text)
    }
  ),
  box: option(z.union([z.literal('best'), z.int().min(0)]), {
    help: 'box to explain in the output of a detection network: best (the box with the highest score for the class), or the index of a box',
    group: 'what',
    unit: 'index'
  }),
  reference: option(z.union([z.string(), tensor]), {
    help: 'reference for a network that outputs embeddings: an image, or a folder of images whose mean embedding is the reference; the map explains the cosine similarity between the input and the reference',
    group: 'what',
    unit: 'path',
    files: 'settings'
  }),
  against: option(z.union([z.literal('runner-up'), classNumber, z.string()]), {
    help: 'class to compare with, or runner-up (of all other classes, the one with the highest logit); the map explains the difference between the two logits',
    group: 'what',
    unit: 'class'
  })
})

/** A target in one object, for programs. */
const wholeTarget = z.strictObject({
  head: option(z.union([z.int().min(0), z.string()]), {
    help: 'number or name of an output of the network, or name of a layer',
    group: 'what'
  }),
  class: option(classes, { help: 'number or name of a class, a list of classes, argmax or all', group: 'what' }),
  ...parts.shape,
  seed: option(tensor, {
    help: 'initial relevance, instead of any other target: an array with the shape of the output, for all images or for each image',
    group: 'what'
  })
})

/** Options that choose what is explained. */
export const targetOptions = z.strictObject({
  target: option(z.union([classes, wholeTarget]).default('argmax'), {
    help: 'classes to explain: numbers or names separated by commas, argmax (the predicted class; for a single logit, the second class) or all',
    group: 'what',
    unit: 'class',
    commas: true
  }),
  targets: option(z.custom<ArrayLike<number>>(areClasses, 'must be a list of whole numbers from 0'), {
    help: "list with the class to explain for each image; replaces option 'target'",
    group: 'what',
    unit: 'list of integers',
    flag: false
  }),
  ...parts.shape
})

export type TargetOptions = z.input<typeof targetOptions>
/** The target to explain: a class by number or name, `argmax` (default), `all`, or an object (docs/targets.md). */
export type Target = NonNullable<TargetOptions['target']>
/** A target by class alone: a number, a name, several, `argmax` or `all`. */
export type ClassChoice = z.output<typeof classes>

/** Options of an explanation with `target: { class, region, ... }` taken apart. */
export type Flat<T> = Omit<T, 'target' | 'seed'> & {
  target: ClassChoice
  /** Another output of the network. */
  head?: string | number
  /** Seed of random numbers. */
  seed?: number
  /** Initial relevance at the output. */
  outputRelevance?: Tensor
}

/** The same options for a model that already ends at the head. */
export function withoutHead<T extends { target?: unknown }>(options: T): T {
  const { head: _, ...target } = options.target as { head?: unknown }
  return { ...options, target }
}

/** Splits a target that is one object into options, and separates the two meanings of `seed`. */
export function flatTarget<T extends z.output<typeof targetOptions> & { seed?: number | Tensor }>(options: T): Flat<T> {
  const { target, seed, ...rest } = options
  const isTensor = typeof seed === 'object'
  const flat = { ...rest, seed: isTensor ? undefined : seed, outputRelevance: isTensor ? seed : undefined }
  if (typeof target !== 'object' || Array.isArray(target)) return { ...flat, target }
  const { class: chosen = 'argmax', seed: relevance = flat.outputRelevance, ...others } = target
  return { ...flat, ...others, outputRelevance: relevance, target: chosen }
}

function areClasses(value: unknown): boolean {
  const list = value as ArrayLike<unknown> | null | undefined
  return typeof list === 'object' && Array.from(list ?? [NaN]).every((one) => classNumber.safeParse(one).success)
}
