import { LrpError } from '../../../core/errors.js'
import type { StateDict } from '../../../core/tensor.js'

/** What the shapes of weights say of a network. */
export class Shapes {
  constructor(
    private readonly weights: StateDict,
    private readonly path: string
  ) {}

  of(name: string): number[] {
    const tensor = this.weights.get(name)
    if (tensor) return tensor.shape
    throw new LrpError('INVALID_FILE', `${this.path} lacks the weight '${name}'`)
  }

  has(name: string): boolean {
    return this.weights.has(name)
  }

  /** How many of `prefix.0.`, `prefix.1.`, ... there are. */
  count(prefix: string, first = 0, dot = '.'): number {
    const names = [...this.weights.keys()]
    let count = 0
    while (names.some((name) => name.startsWith(`${prefix}${dot}${count + first}.`))) count++
    return count
  }
}
