import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { LrpError } from '../../core/errors.js'
import { Model } from '../../model/model.js'
import type { GraphNode, ModelParts } from '../../core/graph.js'
import { sumOverChannels } from '../../plot/picture.js'
import { isWeighted } from '../../rules/treatment.js'
import type { RawTensor } from '../../core/tensor.js'
import { stacked } from '../images.js'
import { deviation, mean, normal } from '../perturbation/fills.js'
import { cosine, pearson, spearman, ssim } from '../statistics/similarity.js'
import { pooledMap, type ScoreContext } from './context.js'
import { familyOf } from './description.js'

export const RANDOM_LOGIT = familyOf(
  { family: 'randomisation', needs: ['model', 'classes', 'others', 'neighbours', 'explainer'] },
  [
    {
      name: 'random_logit',
      better: 'lower',
      definition: "similarity (SSIM) to another class's map",
      reference: 'Sixt et al. 2020',
      score: randomLogit
    }
  ]
)

/**
 * Structural similarity (SSIM) between the target's map and that of another, randomly chosen class: lower is better
 * (Sixt et al. 2020).
 */
async function randomLogit(c: ScoreContext): Promise<number> {
  const [, height, width] = c.model.planes
  const classes = c.outputs
  if (classes < 2)
    throw new LrpError(
      'INVALID_ARGUMENT',
      "the metric random_logit needs two classes, but the model's output has only one"
    )
  const other = uniformInt(xoroshiro128plus(c.seed), 0, classes - 2)
  const target = other >= c.target ? other + 1 : other
  const map = await c.explainer!(stacked([c.image], c.model.imageShape), Int32Array.of(target))
  return ssim(pooledMap(c), pooledMap({ ...c, relevance: map }), height, width)
}

/** Similarity of maps before and after randomising weights, averaged over images. */
export interface Similarity {
  /** The layer that was randomised last. */
  layer: string
  /** Structural similarity of the maps, mean over images, -1 to 1; 1 means equal maps. */
  ssim: number
  /** Rank correlation of the maps, mean over images, -1 to 1. */
  spearman: number
  /** Linear correlation of the maps, mean over images, -1 to 1. */
  pearson: number
  /** Cosine of the angle between the maps, mean over images, -1 to 1. */
  cosine: number
}

export type RandomisationOrder = 'cascading' | 'independent'

/**
 * Runs the model parameter randomisation test (Adebayo et al. 2018). Layer by layer, from the output to the input, it
 * replaces the weights by normal random numbers with the same mean and standard deviation. Layers stay randomised, or
 * only one layer is randomised at a time (`independent`). Maps that show what the model has learnt must change.
 * @param maps function that explains the images with a model, and returns the maps concatenated
 * @returns one entry for each weighted layer, from the output to the input
 */
export async function parameterRandomisation(
  model: Model,
  maps: (model: Model) => Promise<Float32Array>,
  { order = 'cascading', seed = 0 }: { order?: RandomisationOrder; seed?: number } = {}
): Promise<Similarity[]> {
  const original = await maps(model)
  const parts = await model.toParts()
  const layers = parts.graph.nodes.filter(isWeighted).reverse()
  const result: Similarity[] = []
  let tensors = parts.tensors
  for (const [i, layer] of layers.entries()) {
    tensors = randomised(order === 'cascading' ? tensors : parts.tensors, layer, seed + i)
    const changed = await Model.create({ ...copyOf(parts), tensors: new Map(tensors) }, model.device, model.precision)
    try {
      result.push({ layer: layer.name, ...similarity(original, await maps(changed), model.planes) })
    } finally {
      changed.dispose()
    }
  }
  return result
}

function copyOf(parts: ModelParts): ModelParts {
  return { ...parts, graph: { ...parts.graph, nodes: [...parts.graph.nodes] } }
}

function randomised(tensors: ModelParts['tensors'], layer: GraphNode, seed: number): ModelParts['tensors'] {
  const random = xoroshiro128plus(seed)
  const result = new Map(tensors)
  for (const name of Object.values(layer.parameters)) {
    const { shape, data } = tensors.get(name)!
    const values = new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4)
    const [middle, spread] = [mean(values), deviation(values)]
    const drawn = Float32Array.from(values, () => middle + spread * normal(random))
    const tensor: RawTensor = { dtype: 'f32', shape, data: new Uint8Array(drawn.buffer) }
    result.set(name, tensor)
  }
  return result
}

function similarity(
  before: Float32Array,
  after: Float32Array,
  planes: [number, number, number]
): Omit<Similarity, 'layer'> {
  const [channels, height, width] = planes
  const size = channels * height * width
  const images = before.length / size
  const sums = { ssim: 0, spearman: 0, pearson: 0, cosine: 0 }
  for (let i = 0; i < images; i++) {
    const one = (maps: Float32Array): Float32Array => sumOverChannels(maps.subarray(i * size, (i + 1) * size), planes)
    const [a, b] = [one(before), one(after)]
    sums.ssim += ssim(a, b, height, width) / images
    sums.spearman += spearman(a, b) / images
    sums.pearson += pearson(a, b) / images
    sums.cosine += cosine(a, b) / images
  }
  return sums
}
