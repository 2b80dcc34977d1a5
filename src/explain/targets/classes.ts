import { LrpError } from '../../core/errors.js'
import { argmax, decisions } from '../../core/logits.js'
import { optionError } from '../../core/options.js'
import { counted } from '../../core/plural.js'
import { unknownClass } from '../../core/suggest.js'
import type { Tensor } from '../../core/tensor.js'
import type { Model } from '../../model/model.js'
import type { Rows } from '../../native/addon.js'
import type { ClassChoice, TargetOptions } from './options.js'

/** Rows of classes: one class for all images, or one for each; undefined for the predicted ones. */
export type ClassRows = (number | ArrayLike<number>)[] | undefined

/** Explained classes. @throws LrpError INVALID_ARGUMENT for names that the model does not know */
export function classRows(
  model: Model,
  { target, targets, box }: Pick<TargetOptions, 'targets' | 'box'> & { target: ClassChoice },
  input: Tensor
): ClassRows {
  const total = input.shape[0]!
  if (targets) {
    if (targets.length === total) return [targets]
    const found = `${counted(targets.length, 'target')}, but ${counted(total, 'image')}`
    throw new LrpError('INVALID_ARGUMENT', `there are ${found}: pass one target for each image`)
  }
  if (target === 'argmax') return undefined
  if (target === 'all') return Array.from({ length: classCount(model, box !== undefined) }, (_, i) => i)
  return [target].flat().map((one) => classNumber(model, one, 'target'))
}

/** Number of classes of an output, by its shape; a single logit has two. */
function classCount(model: Model, isDetection: boolean): number {
  const shape = model.shapes()[model.graph.output]!
  if (isDetection) return scoreLayout(model, shape).classes
  return isBinary(model, shape) ? 2 : shape[1]!
}

/**
 * Whether one logit separates two classes at every position of an output of this shape. It belongs to the second class.
 */
export function isBinary({ givesValues }: Model, shape: readonly number[]): boolean {
  return !givesValues && shape[1] === 1
}

/** The class that is predicted for each image; 0 for a single value. */
export function predictedClasses(model: Model, logits: Tensor): Int32Array {
  return isBinary(model, logits.shape) ? decisions(logits) : argmax(logits)
}

/**
 * The class that `explain` explains for each image if none is named: the predicted class, or the second class of a
 * single logit.
 */
export function usualClasses(model: Model, logits: Tensor): Int32Array {
  return isBinary(model, logits.shape) ? new Int32Array(logits.shape[0]!).fill(1) : argmax(logits)
}

/** Numbers of a box before its class scores, as Ultralytics exports them. */
const BOX_NUMBERS = 4

interface ScoreLayout {
  classes: number
  /** Index of the score of a class for a box. */
  at: (index: number, box: number) => number
  /** Indices of the four numbers of a box, if the output has them. */
  corners?: (box: number) => number[]
}

/** Where a detection head [1, ...] has its scores, as native/attribution/targets/box_target.cpp reads it. */
export function scoreLayout(model: Model, [, first = 0, second = 0]: readonly number[]): ScoreLayout {
  const named = model.classes?.length ?? -1
  const boxesFirst = first !== BOX_NUMBERS + named && (second === named || first > second)
  if (boxesFirst) return { classes: second, at: (index, box) => box * second + index }
  return {
    classes: first - BOX_NUMBERS,
    at: (index, box) => (BOX_NUMBERS + index) * second + box,
    corners: (box) => Array.from({ length: BOX_NUMBERS }, (_, i) => i * second + box)
  }
}

/** @throws LrpError INVALID_ARGUMENT with the nearest name for a class that the model does not know */
export function classNumber(model: Model, one: number | string, option: string): number {
  const classes = model.classes ?? []
  if (typeof one === 'number') return one
  if (one === 'label') throw optionError(option, ` can be label only for images with labels`)
  if (classes.includes(one)) return classes.indexOf(one)
  if (classes.length > 0) throw unknownClass(one, classes, 'target')
  throw optionError(option, ` must be a class number, not '${one}', because the model has no class names`)
}

/** Rows of images `from` to `to`, [rows, images] one after the other. */
export function rowsOf(wanted: NonNullable<ClassRows>, from: number, to: number): Rows {
  const images = to - from
  const data = new Int32Array(wanted.length * images)
  wanted.forEach((one, row) => {
    for (let i = 0; i < images; i++) data[row * images + i] = typeof one === 'number' ? one : one[from + i]!
  })
  return { data, shape: [wanted.length, images] }
}
