import { LrpError } from '../../core/errors.js'
import { optionError } from '../../core/options.js'
import { counted } from '../../core/plural.js'
import { unknownName } from '../../core/suggest.js'
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
    if (isSingleLogit(model) && Array.from(targets).includes(1))
      throw optionError('target', `: the model has one logit for two classes, which is explained without a target`)
    if (targets.length === total) return [targets]
    const found = `${counted(targets.length, 'target')} for ${counted(total, 'image')}`
    throw new LrpError('INVALID_ARGUMENT', `${found}: pass one for each`)
  }
  if (target === 'argmax') return undefined
  if (target === 'all') return Array.from({ length: classCount(model, box !== undefined) }, (_, i) => i)
  return [target].flat().map((one) => outputNumber(model, one))
}

/** Whether one logit tells two classes apart: it is the second one's, in alphabetical order. */
export function isSingleLogit({ graph, task }: Model): boolean {
  return task === 'classification' && graph.shapes?.[graph.output]?.[1] === 1
}

/** A class's output. @throws LrpError INVALID_ARGUMENT for the class that a single logit speaks against */
function outputNumber(model: Model, one: number | string): number {
  const index = classNumber(model, one, 'target')
  if (typeof one === 'number' || !isSingleLogit(model)) return index
  const [first, second] = model.classes!
  if (one === second) return 0
  throw optionError('target', ` '${first}': the one logit is that of '${second}', explain that; below 0 is '${first}'`)
}

/** How many classes the output tells apart, by its shape. */
function classCount(model: Model, isDetection: boolean): number {
  const shape = model.shapes()[model.graph.output]!
  return isDetection ? scoreLayout(model, shape).classes : shape[1]!
}

/** Numbers of a box before its class scores, as Ultralytics exports them. */
const BOX_NUMBERS = 4

interface ScoreLayout {
  classes: number
  /** Where the score of a class stands in a box. */
  at: (index: number, box: number) => number
  /** Where the four numbers of a box stand, as far as the output has them. */
  corners?: (box: number) => number[]
}

/** Where a detection head [1, ...] holds its scores, as native/attribution/targets/box_target.cpp reads it. */
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
  if (one === 'label') throw optionError(option, ` label needs images whose classes are known`)
  if (classes.includes(one)) return classes.indexOf(one)
  if (classes.length > 0) throw unknownName('class', one, classes, { option: 'target' })
  throw optionError(option, ` '${one}': the model has no class names, so use class numbers`)
}

/** Rows of images `from` to `to`, [rows, images] one after the other. */
export function rowsOf(wanted: NonNullable<ClassRows>, from: number, to: number): Rows {
  const images = Array.from({ length: to - from }, (_, i) => from + i)
  const rows = wanted.flatMap((one) => images.map((image) => (typeof one === 'number' ? one : one[image]!)))
  return { data: Int32Array.from(rows), shape: [wanted.length, images.length] }
}
