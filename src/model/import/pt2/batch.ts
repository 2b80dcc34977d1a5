import { LrpError } from '../../../core/errors.js'
import { batchRuleOf, pointwise, type Batched } from './batch-rules.js'
import { literal, metaOf, tensor, tensorsOf, type Argument, type Call, type Meta, type Program } from './program.js'
import { times } from './sizes.js'

/** They take a shape or a number type from a tensor, and no number. */
const WITHOUT_VALUES = /^new_(zeros|ones|full|empty)$/
/** Calls whose operands must all have the batch's size. */
const JOINS = new Set(['cat', 'stack', 'slice_scatter', 'select_scatter'])

/**
 * Follows the batch through a program that was exported for one size of it, so that it runs with any: the axis of every
 * value that holds the images, each image apart from the others. Where a call mixes images or cannot be followed, the
 * program stays one for that size.
 * @throws LrpError UNSUPPORTED where its output does not hold one row per image
 */
export function followBatch(program: Program): Program {
  const size = metaOf(program, program.input).sizes[0]
  if (typeof size !== 'number') return program
  const { traced } = metaOf(program, program.outputs[0]!)
  if (traced[0] !== size || traced.length < 2) {
    const advice = 'export it with a dynamic batch (torch.export.export(..., dynamic_shapes=({0: Dim("batch")},)))'
    const why = `its output of shape [${traced.join(', ')}] does not contain one row for each image: ${advice}`
    throw new LrpError('UNSUPPORTED', `${program.path} was exported only for batches of size ${size}, and ${why}`)
  }
  return new BatchFollower(program, size).run() ?? program
}

class BatchFollower {
  private readonly axes = new Map<string, number>()
  private readonly values: Map<string, Meta>
  private readonly calls: Call[] = []

  constructor(
    private readonly program: Program,
    private readonly size: number
  ) {
    this.values = new Map(program.values)
    this.mark(program.input, 0)
  }

  /** Nothing where a call cannot be followed. */
  run(): Program | undefined {
    const followed = this.program.calls.every((call) => this.follow(call))
    const output = this.program.outputs[0]!
    const perImage = this.axes.get(output) === 0 && this.meta(output).sizes[0] === 'i0'
    return followed && perImage ? { ...this.program, calls: this.calls, values: this.values } : undefined
  }

  /** How many numbers the axis holds for every image. */
  private mark(value: string, axis: number): void {
    const meta = metaOf(this.program, value)
    const each = meta.traced[axis]! / this.size
    this.axes.set(value, axis)
    this.values.set(value, { ...meta, sizes: meta.sizes.map((size, i) => (i === axis ? times(each, 'i0') : size)) })
  }

  private follow(call: Call): boolean {
    if (WITHOUT_VALUES.test(call.op) || !tensorsOf(call).some((value) => this.axes.has(value))) {
      this.calls.push(call)
      return true
    }
    const joined = JOINS.has(call.op) ? this.expanded(call) : call
    const rule = batchRuleOf(call)
    const axis = rule === pointwise || this.readsBatch(joined) ? rule?.(this.view(joined)) : undefined
    if (axis === undefined) return false
    for (const result of call.results) this.mark(result, axis)
    this.calls.push(joined)
    return true
  }

  /** Rules ask for the batch of what they read first, unless they look at all operands. */
  private readsBatch(call: Call): boolean {
    const first = [...call.args.values()].find((one) => one.kind === 'tensor')
    const anyOperand = /^(matmul|mm|bmm|addmm|embedding|einsum)/
    if (anyOperand.test(call.op) || JOINS.has(call.op) || first === undefined) return true
    return this.axes.has(first.name)
  }

  private view(call: Call): Batched {
    const of = (name: string) => {
      const one = call.args.get(name)
      return one?.kind === 'tensor' ? one.name : undefined
    }
    return {
      call,
      meta: (name) => (of(name) === undefined ? undefined : this.meta(of(name)!)),
      axis: (name) => this.axes.get(of(name) ?? ''),
      list: (name) => {
        const one = call.args.get(name)
        const names = one?.kind === 'tensors' ? one.names.filter((value) => value !== undefined) : []
        return names.map((value) => ({ meta: this.meta(value), axis: this.axes.get(value) }))
      },
      results: call.results.map((value) => this.meta(value)),
      size: this.size
    }
  }

  private meta(value: string): Meta {
    return this.values.get(value) ?? metaOf(this.program, value)
  }

  /** A token that is joined to every image is repeated for each. */
  private expanded(call: Call): Call {
    const operands = tensorsOf(call)
    const known = operands.find((value) => this.axes.has(value))
    if (known === undefined || call.op === 'select_scatter') return call
    const axis = this.axes.get(known)!
    const repeat = (value: string) => {
      const { traced } = this.meta(value)
      const fits = traced.length === this.meta(known).traced.length && traced[axis] === 1
      return this.axes.has(value) || !fits || this.meta(known).traced[axis] !== 1 ? value : this.repeated(value, axis)
    }
    const args = [...call.args].map(([name, one]): [string, Argument] => {
      if (one.kind === 'tensor') return [name, tensor(repeat(one.name))]
      if (one.kind !== 'tensors') return [name, one]
      return [name, { ...one, names: one.names.map((value) => (value === undefined ? value : repeat(value))) }]
    })
    return { ...call, args: new Map(args) }
  }

  private repeated(value: string, axis: number): string {
    const name = `${value}.repeated`
    if (this.axes.has(name)) return name
    const meta = this.meta(value)
    const sizes = meta.sizes.map((size, i) => (i === axis ? 'i0' : size))
    this.values.set(name, { ...meta, sizes })
    this.axes.set(name, axis)
    const args = new Map([
      ['self', tensor(value)],
      ['size', literal(sizes)]
    ])
    this.calls.push({ op: 'expand', overload: 'default', args, results: [name] })
    return name
  }
}
