import { GraphBuilder, type Architecture } from '../../builder.js'
import { patchTokens, transformerLayer, withTokens, type LayerNames, type LayerSettings } from './transformer.js'

export interface VitPlan extends Omit<LayerSettings, 'tokens'> {
  name: string
  imageShape: [number, number, number]
  patch: [number, number]
  layers: number
  classes: number
  names: {
    patches: string
    /** Learnt tokens in front of the patches. */
    learnt: string[]
    positions: string
    /** Place of layer `i` in the names of its nodes, and its weights. */
    layer: (i: number) => { at: string; weights: LayerNames }
    norm: string
    /** Classifiers, of the first tokens one each; the mean of them decides. */
    classifiers: string[]
  }
}

/** Vision transformers (Dosovitskiy et al. 2021; with two classifiers Touvron et al. 2021). */
export function buildVit(plan: VitPlan): Architecture {
  const { names, width } = plan
  const b = new GraphBuilder(plan.imageShape)
  const [patches, count] = patchTokens(b, names.patches, width, plan.patch)
  const tokens = count + names.learnt.length
  let x = withTokens(b, patches, names.learnt, { name: names.positions, tokens, width })
  for (let i = 0; i < plan.layers; i++) {
    const { at, weights } = names.layer(i)
    x = transformerLayer(b, at, x, weights, { ...plan, tokens })
  }
  x = b.layerNorm(names.norm, x, plan.eps)
  const classify = (name: string, index: number): string =>
    b.linear(name, b.add(`${name}.token`, 'select', [x], { dim: 1, index }), plan.classes)
  const [first, second] = names.classifiers.map(classify) as [string, string?]
  if (second === undefined) return b.finish(plan.name, first)
  return b.finish(plan.name, b.add('mean', 'mul_scalar', [b.add('sum', 'add', [first, second])], { value: 0.5 }))
}
