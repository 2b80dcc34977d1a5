import type { GraphNode } from '../core/graph.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import { inDoublePrecision } from '../model/double.js'
import type { Model } from '../model/model.js'
import { recordOf } from '../rules/treatment.js'
import type { Composite } from '../rules/types.js'
import { explain, type Explanation } from './explain.js'
import type { ExplainOptions } from './options.js'
import { judge, worst, type Trust } from './trust.js'

/** LRP-0: every linear layer shares relevance by z without a stabiliser. */
const ZERO: Composite = {
  name: 'LRP-0',
  layers: [
    { kind: 'weighted', rule: 'epsilon', parameters: { epsilon: 0 } },
    { kind: 'batch_norm', rule: 'epsilon', parameters: { epsilon: 0 } },
    { kind: 'sum', rule: 'norm', parameters: { epsilon: 0 } },
    { kind: 'average', rule: 'norm', parameters: { epsilon: 0 } }
  ]
}

const LINEAR_KINDS = ['linear', 'convolution', 'batch_norm', 'sum', 'average', 'move', 'constant']

/**
 * Checks how far you can trust explanations by LRP. It compares the maps with maps computed in float64, and measures
 * how much relevance is conserved. For networks of linear layers, ReLUs and pooling, LRP-0 equals gradient x input in
 * theory; for them, it also measures the difference between the two.
 * @param input a few images [batch, ...], as for `explain`
 * @throws LrpError as `explain`
 */
export async function checkExplanation(model: Model, input: Tensor, options: ExplainOptions = {}): Promise<Trust> {
  const { onProgress: _, ...rest } = options
  const whole = { ...rest, conservation: true }
  const single = await explain(model, input, whole)
  const isClass = single.kind === 'logit' && single.logits.shape.length === 2
  const { target, ...others } = whole
  const predicted = isClass && (target === undefined || target === 'argmax')
  const again = predicted ? { ...others, targets: rowOf(single) } : whole
  using precise = await inDoublePrecision(model)
  const double = await explain(precise, input, { ...again, conservation: false })
  const unequal = firstUnequal(model)
  const isComparable = unequal === undefined && isClass
  const gradient = isComparable ? await distanceToGradient(precise, input, rowOf(single)) : null
  return judge({
    magnitude: worst(single.magnitude),
    ...(single.unexplained.length > 0 && { unexplained: worst(single.unexplained) }),
    rounding: distance(single.relevance, double.relevance),
    gradient,
    ...(unequal !== undefined && { unequal })
  })
}

/** The targets of the first map of every image. */
function rowOf({ targets, logits }: Explanation): Int32Array {
  return targets.slice(0, logits.shape[0]!)
}

/** The first node for which LRP-0 need not be gradient x input. */
function firstUnequal({ graph }: Model): string | undefined {
  return graph.nodes.find((node) => !isLinear(node) && !recordOf(node).homogeneous)?.name
}

/** A sum whose weights or factors may be computed from the image is not linear. */
function isLinear(node: GraphNode): boolean {
  const { kind, factors, held } = recordOf(node)
  return LINEAR_KINDS.includes(kind) && (node.inputs.length < 2 || factors.length + held.length === 0)
}

async function distanceToGradient(model: Model, input: Tensor, targets: Int32Array): Promise<number> {
  const zero = await explain(model, input, { composite: ZERO, targets })
  const gradient = await explain(model, input, { method: 'input-x-gradient', targets })
  return distance(zero.relevance, gradient.relevance)
}

/** Sum of |a - b| as a share of the sum of |b|, for the image with the largest share. */
function distance(a: Tensor, b: Tensor): number {
  const images = b.shape[0]!
  const size = sizeOf(b.shape.slice(1))
  return worst(
    Array.from({ length: images }, (_, image) => {
      let [apart, whole] = [0, 0]
      for (let i = image * size; i < (image + 1) * size; i++) {
        apart += Math.abs(a.data[i]! - b.data[i]!)
        whole += Math.abs(b.data[i]!)
      }
      return apart === 0 ? 0 : apart / whole
    })
  )
}
