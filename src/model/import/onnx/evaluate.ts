import type { StateDict } from '../../../core/tensor.js'
import { callNative } from '../../../native/addon.js'
import { isConstant, type OnnxCall, type Value } from './call.js'
import { Constant, materialise } from './constant.js'
import type { OnnxDraft } from './onnx-draft.js'

/** Numbers that a file may compute from its weights, all results together: 1 GiB of floats. */
const MOST_NUMBERS = 2 ** 28

/** What is computed from weights alone while a file is read, by libtorch. */
export class Evaluation {
  private numbers = 0

  /** Results of a call whose inputs are all known; `draft` holds its nodes and nothing else. */
  async of(call: OnnxCall, draft: OnnxDraft, made: (Value | undefined)[]): Promise<(Value | undefined)[]> {
    const wanted = made.flatMap((one) => (one && !isConstant(one) ? [one.node] : []))
    if (wanted.length === 0) return made
    for (const one of made) this.numbers += one && !isConstant(one) ? Number(draft.size(one)) : 0
    if (this.numbers > MOST_NUMBERS) throw call.fail('a value that the file computes from weights alone is too large')
    const tensors: StateDict = new Map()
    for (const [name, constant] of draft.constants) tensors.set(name, await materialise(constant))
    const graph = { inputShape: [null], nodes: draft.draft.nodes, output: wanted[0]! }
    const results = await callNative((addon) => addon.foldConstants(graph, Object.fromEntries(tensors), wanted))
    return made.map((one) => {
      if (!one || isConstant(one)) return one
      const result = results[one.node]!
      const isSame = result.shape.join() === one.shape.join()
      if (!isSame) throw call.fail(`its result has the shape [${result.shape.join(', ')}]`)
      return Constant.weight(undefined, result)
    })
  }
}
