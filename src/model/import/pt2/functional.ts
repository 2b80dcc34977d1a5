import { native } from '../../../native/addon.js'
import type { Argument, Call, Meta, Program } from './program.js'
import { invalid, literal, metaOf, refused, renamed, rowMajor, tensor, tensorOf, tensorsOf } from './program.js'
import { sharesUnknown, viewOf, type Scatter } from './views.js'

/** Numbers in memory, which views share: the value that holds them now, and how often they were written. */
interface Storage {
  value: string
  writes: number
  weight?: string
  /** A call whose results share these numbers in a way that is unknown: nothing may be written any more. */
  shared?: Call
}

/** One step from a storage to a view of it: the call, and which of its results. */
interface Step {
  call: Call
  result: number
  base: Meta
  scatter: Scatter
}

/** A tensor of the program as it was written: a storage seen through views. */
interface Handle {
  storage: Storage
  steps: Step[]
  /** The value that the handle had after this number of writes. */
  value: string
  writes: number
}

/** They change how a tensor sees its numbers, and no number. */
const VIEW_IN_PLACE = /^(transpose|swapaxes|swapdims|t|squeeze|unsqueeze|detach)_$/

/**
 * Makes a program functional: an operation in place becomes one that writes a new value, and later readers, through
 * any view, reads the new one. A write through a view goes back into its base by the view's inverse (`slice_scatter`, ...).
 * What is a view and what is written comes from PyTorch's schemas.
 * @throws LrpError UNSUPPORTED where a view has no inverse, or where the program changes its own weights
 */
export function functional(program: Program): Program {
  return program.calls.some((call) => written(call).length > 0) ? new Functional(program).run() : program
}

/** Arguments that a call writes into. Where PyTorch has no such overload, its name says whether it does. */
function written(call: Call): string[] {
  const schema = native().atenSchema(call.op, call.overload)
  if (schema === null) return call.op.endsWith('_') ? [firstTensor(call)] : []
  return schema.filter(({ alias }) => alias === 'written').map(({ name }) => name)
}

class Functional {
  private readonly handles = new Map<string, Handle>()
  private readonly values: Map<string, Meta>
  private readonly calls: Call[] = []
  private made = 0

  constructor(private readonly program: Program) {
    this.values = new Map(program.values)
    this.own(program.input)
    for (const [name, weight] of program.weights) this.own(name, weight)
  }

  run(): Program {
    for (const call of this.program.calls) {
      const targets = written(call)
      if (VIEW_IN_PLACE.test(call.op)) this.viewInPlace(call)
      else if (targets.length === 0) this.plain(call)
      else if (/^[a-z]\w*[a-z0-9]_$/.test(call.op) && targets.join() === firstTensor(call)) this.inPlace(call)
      else throw this.refused(call, `it writes into its argument '${targets.join("', '")}'`)
    }
    const outputs = this.program.outputs.map((name) => this.read(name))
    return { ...this.program, calls: this.calls, values: this.values, outputs }
  }

  private own(name: string, weight?: string): void {
    this.handles.set(name, { storage: { value: name, writes: 0, weight }, steps: [], value: name, writes: 0 })
  }

  private handle(name: string): Handle {
    const known = this.handles.get(name)
    if (!known) throw invalid(this.program.path, `'${name}' is read before it is written`)
    return known
  }

  /** The value that a tensor has now: where its numbers changed since, the views are taken again. */
  private read(name: string): string {
    const handle = this.handle(name)
    if (handle.writes === handle.storage.writes) return handle.value
    handle.value = handle.steps.reduce((value, step) => this.replay(step, value), handle.storage.value)
    handle.writes = handle.storage.writes
    return handle.value
  }

  private replay({ call, result }: Step, from: string): string {
    const results = call.results.map((name) => this.fresh(name, metaOf(this.program, name)))
    const first = firstTensor(call)
    this.calls.push({ ...call, args: new Map([...call.args, [first, tensor(from)]]), results })
    return results[result]!
  }

  private plain(call: Call): void {
    const source = tensorOf(call, firstTensor(call))
    this.calls.push({ ...call, args: this.current(call) })
    const base = source === undefined ? undefined : this.values.get(source)
    if (sharesUnknown(call)) return this.shareUnknown(call)
    const scatter =
      base &&
      viewOf(
        call,
        base,
        call.results.map((name) => metaOf(this.program, name))
      )
    call.results.forEach((name, result) => {
      if (!scatter) return this.own(name)
      const from = this.handle(source!)
      const step = { call, result, base, scatter: scatter(result) }
      this.handles.set(name, { ...from, steps: [...from.steps, step], value: name, writes: from.storage.writes })
    })
  }

  /** What the results share with what is read cannot be followed: neither may be written from here on. */
  private shareUnknown(call: Call): void {
    for (const name of call.results) this.own(name)
    for (const name of [...tensorsOf(call), ...call.results]) this.handle(name).storage.shared ??= call
  }

  private current(call: Call): Map<string, Argument> {
    return renamed(call.args, (name) => this.read(name))
  }

  /** `x.t_()`: the name stands for a view of what it was. */
  private viewInPlace(call: Call): void {
    const name = tensorOf(call, firstTensor(call))!
    this.plain({ ...call, op: call.op.slice(0, -1) })
    for (const result of call.results) this.handles.set(name, this.handle(result))
  }

  private inPlace(call: Call): void {
    const target = tensorOf(call, firstTensor(call))
    if (target === undefined) throw this.refused(call, 'it changes no tensor')
    const { storage } = this.handle(target)
    if (storage.weight !== undefined) {
      throw this.refused(call, `it changes '${storage.weight}', a weight or buffer, in every forward pass`)
    }
    if (storage.shared)
      throw this.refused(call, `it may write through a view of a value that '${storage.shared.op}' read or returned`)
    const meta = metaOf(this.program, target)
    const value = this.written(call, target, meta)
    this.write(target, value, call)
    for (const result of call.results) this.handles.set(result, this.handle(target))
  }

  /** The value that the operation writes; it has the shape and number type of what it changes. */
  private written(call: Call, target: string, meta: Meta): string {
    const name = call.results[0] ?? target
    const op = call.op.slice(0, -1)
    const size: [string, Argument] = ['size', literal(meta.sizes)]
    if (op === 'copy') return this.copied(call, name, meta)
    if (op === 'zero' || (op === 'fill' && call.overload === 'Scalar')) {
      const value = call.args.get('value') ?? literal(0)
      const args: [string, Argument][] = [size, ['fill_value', value], ['dtype', { kind: 'dtype', value: meta.dtype }]]
      return this.emit('full', 'default', new Map(args), name, meta)
    }
    if (op === 'fill') return this.copied({ ...call, args: new Map([['src', call.args.get('value')!]]) }, name, meta)
    return this.emit(op, call.overload, this.current(call), name, meta, call.module)
  }

  private copied(call: Call, name: string, meta: Meta): string {
    const source = tensorOf(call, 'src')
    if (source === undefined) throw this.refused(call, 'its source is not a tensor')
    const from = metaOf(this.program, source)
    let value = this.read(source)
    if (from.dtype !== meta.dtype) {
      const args = new Map([
        ['self', tensor(value)],
        ['dtype', { kind: 'dtype', value: meta.dtype } as Argument]
      ])
      value = this.emit('to', 'dtype', args, name, { ...from, dtype: meta.dtype })
    }
    if (from.sizes.join() === meta.sizes.join()) return value
    return this.emit(
      'expand',
      'default',
      new Map([
        ['self', tensor(value)],
        ['size', literal(meta.sizes)]
      ]),
      name,
      meta
    )
  }

  private write(target: string, value: string, call: Call): void {
    const handle = this.handle(target)
    const bases = [handle.storage.value]
    for (const step of handle.steps.slice(0, -1)) bases.push(this.replay(step, bases.at(-1)!))
    const root = handle.steps.reduceRight((inner, { scatter, base, call: view }, i) => {
      if (scatter === 'whole') return inner
      if (scatter === 'refused') throw this.refused(call, `it writes through a view made by '${view.op}'`)
      const args = new Map(scatter.args)
      if (scatter.op.endsWith('_scatter')) args.set('self', tensor(bases[i]!)).set('src', tensor(inner))
      else args.set('self', tensor(inner))
      return this.emit(scatter.op, scatter.overload, args, `${target}.written`, base)
    }, value)
    handle.storage.value = root
    handle.storage.writes++
    handle.value = value
    handle.writes = handle.storage.writes
  }

  private emit(
    op: string,
    overload: string,
    args: Map<string, Argument>,
    name: string,
    meta: Meta,
    module?: string
  ): string {
    const result = this.fresh(name, { ...meta, strides: rowMajor(meta.traced) })
    this.calls.push({ op, overload, args, results: [result], module })
    return result
  }

  /** A value that the program does not have. */
  private fresh(wish: string, meta: Meta): string {
    let name = wish
    while (this.values.has(name)) name = `${wish}.${++this.made}`
    this.values.set(name, meta)
    return name
  }

  private refused(call: Call, why: string) {
    return refused(this.program.path, call, why)
  }
}

/** The argument that an operation in place changes, and that a view is of. */
function firstTensor(call: Call): string {
  return [...call.args].find(([, one]) => one.kind === 'tensor')?.[0] ?? 'self'
}

/** Without the calls that no output needs. */
export function needed(program: Program): Program {
  const wanted = new Set(program.outputs)
  const calls = [...program.calls].reverse().filter((call) => {
    if (!call.results.some((name) => wanted.has(name))) return false
    for (const name of tensorsOf(call)) wanted.add(name)
    return true
  })
  return { ...program, calls: calls.reverse() }
}
