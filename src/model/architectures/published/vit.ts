import { GraphBuilder, type Architecture } from '../../builder.js'
import { patchTokens, transformerLayer, withTokens, type LayerNames, type LayerSettings } from './transformer.js'

export interface VitPlan extends Omit<LayerSettings, 'tokens'> {
  name: string
  imageShape: [number, number, number]
  patch: [number, number]
  layers: number
  names: {
    patches: string
    /** Learnt tokens in front of the patches. */
    learnt: string[]
    positions?: string
    /** Layer norm in front of the first layer. */
    preNorm?: string
    /** Place of layer `i` in the names of its nodes, and its weights. */
    layer: (i: number) => { at: string; weights: LayerNames }
  }
  /** What is made of the last layer's tokens. */
  head: (b: GraphBuilder, tokens: string) => string
  /** The convolution over patches has a bias (true). */
  patchBias?: boolean
}

/** Vision transformers (Dosovitskiy et al. 2021; with two classifiers Touvron et al. 2021). */
export function buildVit(plan: VitPlan): Architecture {
  const { names, width } = plan
  const b = new GraphBuilder(plan.imageShape)
  const [patches, count] = patchTokens(b, names.patches, width, plan.patch, plan.patchBias)
  const tokens = count + names.learnt.length
  let x = withTokens(b, patches, names.learnt, { name: names.positions, tokens, width })
  if (names.preNorm !== undefined) x = b.layerNorm(names.preNorm, x, plan.eps)
  for (let i = 0; i < plan.layers; i++) {
    const { at, weights } = names.layer(i)
    x = transformerLayer(b, at, x, weights, { ...plan, tokens })
  }
  return b.finish(plan.name, plan.head(b, x))
}

/** A classifier of each of the first tokens, after the last layer norm; the mean of them decides. */
export function tokenClassifiers(
  { norm, eps, classes }: { norm: string; eps: number; classes: number },
  classifiers: string[]
): VitPlan['head'] {
  return (b, tokens) => {
    const x = b.layerNorm(norm, tokens, eps)
    const classify = (name: string, index: number): string =>
      b.linear(name, b.add(`${name}.token`, 'select', [x], { dim: 1, index }), classes)
    const [first, second] = classifiers.map(classify) as [string, string?]
    if (second === undefined) return first
    return b.add('mean', 'mul_scalar', [b.add('sum', 'add', [first, second])], { value: 0.5 })
  }
}

/** The mean over all tokens, or over those behind the first. */
export function meanToken(b: GraphBuilder, at: string, tokens: string, from = 0): string {
  const [count] = b.shapeOf(tokens) as [number]
  const patches = from === 0 ? tokens : b.add(`${at}.patches`, 'slice', [tokens], { dim: 1, start: from, end: count })
  return b.add(`${at}.mean`, 'mean', [patches], { dim: [1], keepdim: false })
}
