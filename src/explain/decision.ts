import { decisions } from '../core/logits.js'
import type { Tensor } from '../core/tensor.js'
import type { Model } from '../model/model.js'
import { explain, type Explanation } from './explain.js'
import type { ExplainOptions } from './options.js'
import { isBinary } from './targets/classes.js'

/**
 * Explains the predicted class of every image. A single logit has two classes: if it is below 0, the first class is
 * explained. `explain` does this only if the class is named. @throws LrpError as `explain`
 */
export async function explainDecision(model: Model, input: Tensor, options: ExplainOptions): Promise<Explanation> {
  const shape = model.graph.shapes?.[model.graph.output] ?? []
  if (shape.length !== 2 || !isBinary(model, shape)) return explain(model, input, options)
  const { batchSize, signal } = options
  const logits = await model.forward(input, { batchSize, signal })
  return explain(model, input, { ...options, targets: decisions(logits) })
}
