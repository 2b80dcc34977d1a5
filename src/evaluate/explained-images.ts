import { sizeOf, type Tensor } from '../core/tensor.js'
import type { Model } from '../model/model.js'
import { imageSeed, imagesPerPass, numberOrNull, rowsFor } from './images.js'
import type { Explainer } from './methods.js'
import { contextOf, type ClassifiedImages, type ScoreContext } from './metrics/context.js'
import type { MetricDescription } from './metrics/description.js'
import { parameterRandomisation, type Similarity } from './metrics/randomisation.js'
import { perturbationScores } from './perturbation/areas.js'
import { perturbationCurves, type Curve } from './perturbation/curves.js'
import type { Scored } from './perturbation/scored.js'
import { perturbationOf } from './perturbation/settings.js'
import type { ImageResult } from './results.js'

/** Asks a method for the maps of what is explained. */
function ask(method: Explainer, model: Model, images: Tensor, scored: Scored[]): Promise<Float32Array> {
  const targets = Int32Array.from(scored, ({ target }) => target)
  const [{ region, box, reference, against }] = scored as [Scored]
  const isLogit = [region, box, reference, against].every((one) => one === undefined)
  const batch = { ...images, ...rowsFor(scored) }
  return isLogit ? method.explain(model, batch, targets) : method.explain(model, batch, targets, scored)
}

/** The same for another class; one that the class was compared with is compared with it. */
function withTarget(scored: Scored, target: number): Scored {
  return { ...scored, target, ...(target === scored.against && { against: scored.target }) }
}

/** The images of an evaluation under one method after the other. */
export class ExplainedImages {
  /** Images that are explained and perturbed together. */
  readonly chunk: number
  private readonly size: number
  /** Maps of the first image, by method. */
  private readonly first = new Map<Explainer, Promise<Float32Array>>()

  constructor(private readonly images: ClassifiedImages) {
    this.size = sizeOf(images.input.shape.slice(1))
    this.chunk = Math.max(1, Math.min(32, Math.floor(imagesPerPass(images.model) / 8)))
  }

  /** Explains the first image, so that a method that cannot explain the network is refused at once. @throws LrpError as `explain` */
  async tryOut(method: Explainer): Promise<void> {
    await this.firstMap(method)
  }

  /** Curves and scores of images `from` to `to`. */
  async results(method: Explainer, metrics: MetricDescription[], from: number, to: number): Promise<ImageResult[]> {
    const { model, perturbation, signal } = this.images
    const maps = await this.maps(method, model, from, to)
    const contexts = Array.from({ length: to - from }, (_, i) => this.context(method, from + i, this.part(maps, i)))
    const tasks = (['morf', 'lerf'] as const).flatMap((order) =>
      contexts.map((context) => ({ ...context, ...perturbationOf(perturbation, order) }))
    )
    const curves = await perturbationCurves(model, tasks, signal)
    const results: ImageResult[] = []
    for (const [i, context] of contexts.entries()) {
      const [morf, lerf] = [curves[i]!, curves[i + contexts.length]!]
      const areas = Promise.resolve(perturbationScores(morf, lerf, perturbation.measure))
      const scores: ImageResult['scores'] = {}
      context.areas = () => areas
      for (const { name, score } of metrics) scores[name] = numberOrNull(await score(context))
      results.push({ scores, morf, lerf })
    }
    return results
  }

  /** Curves of the random order, the mean of several draws for each image. */
  async randomOrder(draws: number, onImage: (done: number) => void): Promise<Curve[]> {
    const { model, input, scored, perturbation, seed, signal } = this.images
    const result: Curve[] = []
    for (const [i, one] of scored.entries()) {
      const image = this.part(input.data, i)
      const tasks = Array.from({ length: draws }, (_, draw) => ({
        image,
        ...one,
        relevance: image,
        seed: imageSeed(seed, image, draw),
        ...perturbationOf(perturbation, 'random')
      }))
      const curves = await perturbationCurves(model, tasks, signal)
      const mean = (key: 'probabilities' | 'logits'): number[] =>
        curves[0]![key].map((_, k) => curves.reduce((sum, curve) => sum + curve[key][k]!, 0) / draws)
      result.push({ ...curves[0]!, probabilities: mean('probabilities'), logits: mean('logits') })
      onImage(result.length)
    }
    return result
  }

  /** Similarity of the maps of the first images when weights are randomised. */
  async randomise(method: Explainer, images: number): Promise<Similarity[]> {
    const { model, scored, seed } = this.images
    const to = Math.min(images, scored.length)
    return parameterRandomisation(model, (changed) => this.maps(method, changed, 0, to), { seed })
  }

  /** The first image and its map under a method. */
  async example(method: Explainer): Promise<ScoreContext> {
    return this.context(method, 0, await this.firstMap(method))
  }

  private firstMap(method: Explainer): Promise<Float32Array> {
    const known = this.first.get(method) ?? this.maps(method, this.images.model, 0, 1)
    this.first.set(method, known)
    return known
  }

  private maps(method: Explainer, model: Model, from: number, to: number): Promise<Float32Array> {
    const { input, scored } = this.images
    const data = input.data.subarray(from * this.size, to * this.size)
    return ask(method, model, { data, shape: [to - from, ...input.shape.slice(1)] }, scored.slice(from, to))
  }

  private part(values: Float32Array, i: number): Float32Array {
    return values.subarray(i * this.size, (i + 1) * this.size)
  }

  private context(method: Explainer, i: number, relevance: Float32Array): ScoreContext {
    return {
      ...contextOf(this.images, i, relevance),
      explainer: (images, targets, model = this.images.model) =>
        ask(
          method,
          model,
          images,
          Array.from(targets, (target) => withTarget(this.images.scored[i]!, target))
        )
    }
  }
}
