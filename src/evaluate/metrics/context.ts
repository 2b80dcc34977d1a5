import { LrpError } from '../../core/errors.js'
import { optionError } from '../../core/options.js'
import { sliceBatch } from '../../explain/batches.js'
import { explain } from '../../explain/explain.js'
import { isBinary, predictedClasses, scoreLayout } from '../../explain/targets/classes.js'
import type { TargetOptions } from '../../explain/targets/options.js'
import { referenceOf } from '../../explain/targets/reference.js'
import type { Model } from '../../model/model.js'
import { sizeOf, type Tensor } from '../../core/tensor.js'
import { sumOverChannels } from '../../plot/picture.js'
import { imageSeed, imagesPerPass, rowsFor, stacked } from '../images.js'
import { perturbationScores, type PerturbationScores } from '../perturbation/areas.js'
import { perturbationCurves, type Subject } from '../perturbation/curves.js'
import type { PerturbationSettings } from '../options.js'
import { reader, type Said, type Scored } from '../perturbation/scored.js'
import { perturbationOf } from '../perturbation/settings.js'

/** One explained image with everything that a score may need. */
export interface ScoreContext extends Subject {
  model: Model
  /** Number of logits. */
  outputs: number
  /** The target's logit and probability for the image as it is. */
  logit: number
  probability: number
  /** 1 inside and 0 outside, for each position [height, width]; missing if there is no mask, or it is empty or full. */
  mask?: Uint8Array
  /** Scores of the perturbation curves, which several metrics share. */
  areas: () => Promise<PerturbationScores>
  /**
   * Explains images of the same size by the same method, and returns consecutive maps; missing if the map was given.
   */
  explainer?: (images: Tensor, targets: Int32Array, model?: Model) => Promise<Float32Array>
  signal?: AbortSignal
}

interface Settings {
  perturbation: PerturbationSettings
  seed: number
  /** Per image, see `masksOf`. */
  masks?: (Uint8Array | undefined)[]
  signal?: AbortSignal
}

/** Images, and what the network predicts for them. */
export interface ClassifiedImages extends Settings {
  model: Model
  input: Tensor
  /** Number of classes. */
  outputs: number
  /** The explained target of each image, and its outputs. */
  scored: Scored[]
  said: Said[]
}

/** The classes that are explained if none are named, by the logits [images, classes]. */
type UsualClasses = (model: Model, logits: Tensor) => ArrayLike<number>

/**
 * @param wanted classes; a region, a box or a reference for outputs that need one
 * @param usual by default the predicted classes
 * @throws LrpError as `explain` for its targets
 */
export async function classify(
  model: Model,
  input: Tensor,
  settings: Settings,
  wanted: TargetOptions = {},
  usual: UsualClasses = predictedClasses
): Promise<ClassifiedImages> {
  const found = await classified(model, input, settings, wanted, usual)
  if (!input.inputs) return found
  return {
    ...found,
    scored: found.scored.map((one, i) => ({ ...one, inputs: sliceBatch(input, i, i + 1).inputs! }))
  }
}

async function classified(
  model: Model,
  input: Tensor,
  settings: Settings,
  wanted: TargetOptions,
  usual: UsualClasses
): Promise<ClassifiedImages> {
  const batchSize = imagesPerPass(model)
  const { signal } = settings
  const isPlain = Object.keys(wanted).every((name) => name === 'targets')
  const images = input.shape[0]!
  const first = isPlain ? await model.forward(sliceBatch(input, 0, Math.min(images, batchSize)), { signal }) : undefined
  if (first?.shape.length === 2) {
    const logits = images <= batchSize ? first : await model.forward(input, { batchSize, signal })
    const outputs = logits.shape[1]!
    const count = isBinary(model, logits.shape) ? 2 : outputs
    const targets = wanted.targets ?? usual(model, logits)
    const scored = Array.from({ length: images }, (_, i): Scored => ({ target: targets[i]! }))
    const wrong = scored.find(({ target }) => target < 0 || target >= count)
    if (wrong)
      throw new LrpError(
        'INVALID_ARGUMENT',
        `the target class ${wrong.target} does not exist: the model has the classes 0 to ${count - 1}`
      )
    const read = reader(model, logits)
    return { ...settings, model, input, outputs, scored, said: scored.map((one, i) => read(i, one)) }
  }
  return { ...settings, model, input, ...(await chosenTargets(model, input, wanted, batchSize, signal)) }
}

/** Regions and boxes are chosen as an explanation chooses them, without computing one. */
async function chosenTargets(
  model: Model,
  input: Tensor,
  wanted: TargetOptions,
  batchSize: number,
  signal?: AbortSignal
): Promise<Pick<ClassifiedImages, 'outputs' | 'scored' | 'said'>> {
  const images = input.shape[0]!
  const reference =
    wanted.reference === undefined ? undefined : await referenceOf(model, wanted.reference, input.shape.slice(1))
  const scored: Scored[] = []
  const said: Said[] = []
  let outputs = 0
  for (let from = 0; from < images; from += batchSize) {
    const to = Math.min(images, from + batchSize)
    const targets = wanted.targets && Array.prototype.slice.call(wanted.targets, from, to)
    const own = { ...wanted, ...(targets && { targets }), ...(reference && { reference }) }
    const found = await explain(model, sliceBatch(input, from, to), { ...own, method: 'random', batchSize, signal })
    const { logits, boxes, regions } = found
    if (found.targets.length !== to - from)
      throw optionError('target', ' must name one class for each image in an evaluation')
    outputs = boxes ? scoreLayout(model, logits.shape).classes : logits.shape[1]!
    const read = reader(model, logits)
    const size = regions ? sizeOf(regions.shape.slice(2)) : 0
    for (let i = 0; i < to - from; i++) {
      const one: Scored = {
        target: found.targets[i]!,
        ...(regions && {
          region: { data: regions.data.slice(i * size, (i + 1) * size), shape: regions.shape.slice(2) }
        }),
        ...(boxes && { box: boxes[i]! }),
        ...(found.against && { against: found.against[i]! }),
        ...(reference && { reference: reference.data })
      }
      scored.push(one)
      said.push(read(i, one))
    }
  }
  return { outputs, scored, said }
}

/** Image `i` with its map. */
export function contextOf(images: ClassifiedImages, i: number, relevance: Float32Array): ScoreContext {
  const { model, input, outputs, perturbation, masks, signal } = images
  const size = sizeOf(input.shape.slice(1))
  const { logit, probability } = images.said[i]!
  const image = input.data.subarray(i * size, (i + 1) * size)
  let areas: Promise<PerturbationScores> | undefined
  const context: ScoreContext = {
    model,
    image,
    relevance,
    ...images.scored[i]!,
    outputs,
    logit,
    probability,
    seed: imageSeed(images.seed, image),
    mask: masks?.[i],
    areas: () => (areas ??= areasOf(context, perturbation)),
    signal
  }
  return context
}

async function areasOf(c: ScoreContext, settings: PerturbationSettings): Promise<PerturbationScores> {
  const tasks = (['morf', 'lerf'] as const).map((order) => ({ ...c, ...perturbationOf(settings, order) }))
  const [morf, lerf] = await perturbationCurves(c.model, tasks, c.signal)
  return perturbationScores(morf!, lerf!, settings.measure)
}

/** The map summed over channels: one number per position. */
export function pooledMap({ model, relevance }: ScoreContext): Float32Array {
  return sumOverChannels(relevance, model.planes)
}

/** The explained value for changed copies of the image, computed in large batches. */
export async function targetLogits(context: ScoreContext, images: Float32Array[]): Promise<number[]> {
  const { model, signal } = context
  const batch = { ...stacked(images, model.imageShape), ...rowsFor([context]) }
  const output = await model.forward(batch, { batchSize: imagesPerPass(model), signal })
  const read = reader(model, output)
  return images.map((_, i) => read(i, context).logit)
}
