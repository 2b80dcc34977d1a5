import type { Model } from '../../model/model.js'
import { argmax, probabilities } from '../../core/logits.js'
import { sizeOf, type Tensor } from '../../core/tensor.js'
import { sumOverChannels } from '../../plot/picture.js'
import { imageSeed, imagesPerPass, stacked } from '../images.js'
import { perturbationScores, type PerturbationScores } from '../perturbation/areas.js'
import { perturbationCurves, type Subject } from '../perturbation/curves.js'
import type { PerturbationSettings } from '../options.js'
import { perturbationOf } from '../perturbation/settings.js'

/** One explained image, with all that a score may need. */
export interface ScoreContext extends Subject {
  model: Model
  /** Number of logits. */
  outputs: number
  /** The target's logit and probability for the image as it is. */
  logit: number
  probability: number
  /** 1 inside, for each position [height, width]; absent where there is none, or it is empty or full. */
  mask?: Uint8Array
  /** Scores of the perturbation curves, which several metrics share. */
  areas: () => Promise<PerturbationScores>
  /** Explains images of the same size by the same method: their maps, one after the other. Absent: the map was given. */
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
  logits: Tensor
  probabilities: Float64Array
  /** The explained class of each image. */
  targets: Int32Array
}

/** @param targets by default the predicted classes */
export async function classify(
  model: Model,
  input: Tensor,
  settings: Settings,
  targets?: Int32Array
): Promise<ClassifiedImages> {
  const logits = await model.forward(input, { batchSize: imagesPerPass(model), signal: settings.signal })
  return {
    ...settings,
    model,
    input,
    logits,
    probabilities: probabilities(logits, model.multilabel),
    targets: targets ?? argmax(logits)
  }
}

/** Image `i` with its map. */
export function contextOf(images: ClassifiedImages, i: number, relevance: Float32Array): ScoreContext {
  const { model, input, logits, perturbation, masks, signal } = images
  const size = sizeOf(input.shape.slice(1))
  const outputs = logits.shape[1]!
  const target = images.targets[i]!
  let areas: Promise<PerturbationScores> | undefined
  const context: ScoreContext = {
    model,
    image: input.data.subarray(i * size, (i + 1) * size),
    relevance,
    target,
    outputs,
    logit: logits.data[i * outputs + target]!,
    probability: images.probabilities[i * outputs + target]!,
    seed: imageSeed(images.seed, i),
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

/** The map, one number per place: channels summed. */
export function pooledMap({ model, relevance }: ScoreContext): Float32Array {
  return sumOverChannels(relevance, model.planes)
}

/** Logits of the target for changed copies of the image, in few large batches. */
export async function targetLogits({ model, target, signal }: ScoreContext, images: Float32Array[]): Promise<number[]> {
  const input = stacked(images, model.imageShape)
  const { data, shape } = await model.forward(input, { batchSize: imagesPerPass(model), signal })
  return images.map((_, i) => data[i * shape[1]! + target]!)
}
