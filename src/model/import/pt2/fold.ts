import { callNative } from '../../../native/addon.js'
import type { StateDict } from '../../../core/tensor.js'
import { literal, metaOf, tensor, tensorsOf, type Call, type Meta, type Program, type Size } from './program.js'
import { Translation } from './translate.js'

/** Calls that broadcast what they read: a constant that is repeated for every image may as well be given once. */
const BROADCASTS =
  /^(where|masked_fill|add|sub|rsub|mul|div|eq|ne|lt|le|gt|ge|logical_(and|or|not)|bitwise_(and|or|not)|to|_to_copy|clone|contiguous)$/

/**
 * Computes whatever follows from weights and numbers alone, once, by libtorch: it becomes a weight. Constants that are
 * repeated for every image, such as masks, are given once to the calls that broadcast.
 * @throws LrpError naming the call that fails
 */
export async function foldConstants(
  program: Program,
  tensors: StateDict
): Promise<{ program: Program; tensors: StateDict }> {
  const once = new Repetitions(program).run()
  const constants = constantsOf(once)
  const calls = once.calls.filter((call) => constants.has(call.results[0]!))
  const others = once.calls.filter((call) => !constants.has(call.results[0]!))
  const wanted = [...new Set([...others.flatMap(tensorsOf), ...once.outputs])].filter((name) => constants.has(name))
  if (wanted.length === 0) return { program: { ...once, calls: others }, tensors }
  const asked = new Translation({ ...once, calls, outputs: wanted }, tensors, true).constants()
  const given = Object.fromEntries(asked.tensors)
  const results = await callNative((addon) => addon.foldConstants(asked.graph, given, asked.nodes))
  const folded: StateDict = new Map(tensors)
  const weights = new Map(once.weights)
  wanted.forEach((value, i) => {
    const node = asked.nodes[i]!
    const weight = asked.graph.nodes.find((one) => one.name === node && one.op === 'constant')?.parameters.value
    const name = weight ?? freshName(value, folded)
    if (weight === undefined) folded.set(name, results[node]!)
    weights.set(value, name)
  })
  return { program: { ...once, weights, calls: others }, tensors: folded }
}

/** Values that weights and numbers alone decide, of a size that the input does not. */
function constantsOf(program: Program): Set<string> {
  const known = new Set(program.weights.keys())
  const constants = new Set<string>()
  for (const call of program.calls) {
    const literals = [...call.args.values()].flatMap((one) => (one.kind === 'literal' ? [one.value].flat() : []))
    const sizes = call.results.flatMap((name) => metaOf(program, name).sizes)
    const follows = [...literals, ...sizes].some((one) => typeof one === 'string' && /\bi\d/.test(one))
    if (follows || !tensorsOf(call).every((name) => known.has(name))) continue
    for (const result of call.results) {
      known.add(result)
      constants.add(result)
    }
  }
  return constants
}

function freshName(value: string, tensors: StateDict): string {
  let name = value
  for (let i = 2; tensors.has(name); i++) name = `${value}#${i}`
  return name
}

/** Finds constants that are repeated along the batch. */
class Repetitions {
  private readonly values: Map<string, Meta>
  private readonly calls: Call[] = []
  private readonly constant: Set<string>
  /** A value that is repeated along the batch, and the value before. */
  private readonly once = new Map<string, string>()

  constructor(private readonly program: Program) {
    this.values = new Map(program.values)
    this.constant = new Set(program.weights.keys())
  }

  run(): Program {
    for (const call of this.program.calls) this.calls.push(...this.visit(call))
    return { ...this.program, calls: this.calls, values: this.values }
  }

  private visit(call: Call): Call[] {
    const reads = tensorsOf(call)
    const fixed = reads.every((name) => this.constant.has(name) || this.once.has(name))
    const sizes = call.results.flatMap((name) => metaOf(this.program, name).sizes)
    const isFixedSize = sizes.every((size) => typeof size === 'number')
    const source = reads[0]
    if (call.op === 'expand' && fixed && source !== undefined && !isFixedSize) {
      this.once.set(call.results[0]!, this.once.get(source) ?? source)
      return [call] // a reader that does not broadcast
    }
    if (fixed && isFixedSize && !reads.some((name) => this.once.has(name))) {
      for (const result of call.results) this.constant.add(result)
      return [call]
    }
    if (call.op === 'scaled_dot_product_attention') return [this.withOnce(call, (name) => name === 'attn_mask')]
    if (!BROADCASTS.test(call.op) || !reads.some((name) => this.once.has(name))) return [call]
    const given = this.withOnce(call, () => true)
    return fixed && call.results.length === 1 ? this.constantOnce(call, given) : [given]
  }

  private withOnce(call: Call, applies: (argument: string) => boolean): Call {
    const args = [...call.args].map(([name, one]): [string, typeof one] => {
      if (one.kind !== 'tensor' || !applies(name)) return [name, one]
      return [name, tensor(this.once.get(one.name) ?? one.name)]
    })
    return { ...call, args: new Map(args) }
  }

  /** The constant itself, and what it is to those who do not broadcast. */
  private constantOnce(call: Call, given: Call): Call[] {
    const [result] = call.results as [string]
    const { dtype, sizes } = metaOf(this.program, result)
    const name = `${result}.once`
    const traced = broadcast(tensorsOf(given).map((one) => this.values.get(one)!.traced))
    this.values.set(name, { dtype, sizes: traced, traced, strides: traced })
    this.constant.add(name)
    this.once.set(result, name)
    const size = literal(sizes as Size[])
    const args = new Map([['self', tensor(name)]]).set('size', size)
    return [
      { ...given, results: [name] },
      { op: 'expand', overload: 'default', args, results: [result] }
    ]
  }
}

function broadcast(shapes: number[][]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length))
  return Array.from({ length: rank }, (_, axis) =>
    Math.max(...shapes.map((shape) => shape[axis - rank + shape.length] ?? 1))
  )
}
