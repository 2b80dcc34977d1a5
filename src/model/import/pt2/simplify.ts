import {
  literal,
  literalOf,
  metaOf,
  refused,
  tensor,
  tensorOf,
  tensorsOf,
  type Argument,
  type Call,
  type Meta,
  type Program
} from './program.js'

/**
 * Undoes what `run_decompositions()` takes apart and what strides say: `addmm` with known weights is a linear layer, a product
 * with one is nothing, and a view by strides is a permutation or nothing.
 * @throws LrpError UNSUPPORTED for views by strides that are neither: a graph's tensors have strides of their own
 */
export function simplified(program: Program): Program {
  return new Simplifier(program).run()
}

class Simplifier {
  private readonly values: Map<string, Meta>
  private readonly calls: Call[] = []
  /** Values that follow from weights alone. */
  private readonly known: Set<string>
  /** A known matrix whose transpose a value is. */
  private readonly transposes = new Map<string, string>()

  constructor(private readonly program: Program) {
    this.values = new Map(program.values)
    this.known = new Set(program.weights.keys())
  }

  run(): Program {
    for (const call of this.program.calls) {
      const reads = tensorsOf(call)
      if (reads.length > 0 && reads.every((value) => this.known.has(value))) {
        for (const result of call.results) this.known.add(result)
        this.noteTranspose(call, reads[0]!)
      }
      this.calls.push(...this.simpler(call))
    }
    return { ...this.program, calls: this.calls, values: this.values }
  }

  private simpler(call: Call): Call[] {
    const isKnown = this.known.has(call.results[0]!)
    // of what is computed once; on the way of the data it matters to later training
    if (isKnown && /dropout/.test(call.op) && literalOf(call, 'train') === false) return [this.same(call)]
    if (call.op === 'as_strided') return [this.strided(call)]
    if (call.op === 'one_hot') return this.oneHot(call)
    if (call.op === 'addmm' || call.op === 'mm') return [this.linear(call)]
    const isUnchanged = (call.op === 'mul' || call.op === 'div') && literalOf(call, 'other') === 1
    return [isUnchanged ? this.same(call) : call]
  }

  /** Where the number of classes is given, the shape does not depend on values: the comparison with every class. */
  private oneHot(call: Call): Call[] {
    const [source, classes] = [tensorOf(call, 'self')!, literalOf(call, 'num_classes')]
    const result = metaOf(this.program, call.results[0]!)
    if (typeof classes !== 'number' || classes < 1) return [call]
    const [column, numbers, equal] = ['column', 'classes', 'equal'].map((part) => `${call.results[0]!}.${part}`)
    const from = metaOf(this.program, source)
    this.values.set(column!, { ...from, sizes: [...from.sizes, 1], traced: [...from.traced, 1] })
    this.values.set(numbers!, { dtype: 'i64', sizes: [classes], traced: [classes], strides: [1] })
    this.values.set(equal!, { ...result, dtype: 'bool' })
    const make = (op: string, overload: string, name: string, args: [string, Argument][]): Call => ({
      op,
      overload,
      args: new Map(args),
      results: [name]
    })
    return [
      make('unsqueeze', 'default', column!, [
        ['self', tensor(source)],
        ['dim', literal(-1)]
      ]),
      make('arange', 'default', numbers!, [['end', literal(classes)]]),
      make('eq', 'Tensor', equal!, [
        ['self', tensor(column!)],
        ['other', tensor(numbers!)]
      ]),
      make('to', 'dtype', call.results[0]!, [
        ['self', tensor(equal!)],
        ['dtype', { kind: 'dtype', value: 'i64' }]
      ])
    ]
  }

  private same(call: Call): Call {
    const source = tensorsOf(call)[0]!
    const [from, to] = [metaOf(this.program, source), metaOf(this.program, call.results[0]!)]
    if (from.dtype !== to.dtype) return call
    return { ...call, op: 'alias', overload: 'default', args: new Map([['self', tensor(source)]]) }
  }

  private noteTranspose(call: Call, source: string): void {
    const [result] = call.results
    const meta = this.values.get(source)
    const swaps = call.op === 't' || call.op === 'transpose' || call.op === 'permute'
    if (!swaps || meta?.traced.length !== 2 || result === undefined) return
    const dims = literalOf(call, 'dims')
    const stays = call.op === 'permute' && Array.isArray(dims) && (dims[0] === 0 || dims[0] === -2)
    if (!stays) this.transposes.set(result, source)
  }

  private linear(call: Call): Call {
    const [x, weight, bias] = [call.op === 'mm' ? 'self' : 'mat1', 'mat2', 'self'].map((name) => tensorOf(call, name))
    const scaled = call.args.has('alpha') || call.args.has('beta')
    const isKnown = weight !== undefined && this.known.has(weight) && x !== undefined && !this.known.has(x)
    if (!isKnown || scaled || call.overload !== 'default') return call
    const args = new Map([
      ['input', tensor(x)],
      ['weight', tensor(this.transposes.get(weight) ?? this.transposed(weight))]
    ])
    if (call.op === 'addmm') {
      if (!this.known.has(bias!) || metaOf(this.program, bias!).traced.length !== 1) return call
      args.set('bias', tensor(bias!))
    }
    return { ...call, op: 'linear', overload: 'default', args }
  }

  private transposed(matrix: string): string {
    const name = `${matrix}.transposed`
    if (this.values.has(name)) return name
    const { sizes, traced, strides, dtype } = metaOf(this.program, matrix)
    const [across, size, stride] = [[...sizes].reverse(), [...traced].reverse(), [...strides].reverse()]
    this.values.set(name, { dtype, sizes: across, traced: size, strides: stride })
    this.known.add(name)
    this.calls.push({ op: 't', overload: 'default', args: new Map([['self', tensor(matrix)]]), results: [name] })
    return name
  }

  /** Axes in the order of another's strides; axes of one element may have any. */
  private strided(call: Call): Call {
    const source = tensorOf(call, 'self')!
    const [from, to] = [metaOf(this.program, source), metaOf(this.program, call.results[0]!)]
    const free = from.sizes.map((_, axis) => axis)
    const dims = to.traced.map((size, axis) => {
      const fits = (i: number) => from.traced[i] === size && (size === 1 || from.strides[i] === to.strides[axis])
      const found = free.findIndex(fits)
      return found < 0 ? -1 : free.splice(found, 1)[0]!
    })
    if (dims.includes(-1) || free.length > 0 || (literalOf(call, 'storage_offset') ?? 0) !== 0) {
      throw refused(this.program.path, call, 'it reads its input by strides')
    }
    const args = new Map([
      ['self', tensor(source)],
      ['dims', literal(dims)]
    ])
    return { ...call, op: 'permute', overload: 'default', args }
  }
}
