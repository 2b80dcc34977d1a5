import type { Size } from './program.js'

/** An expression over the sizes of the network's input, as a tree. */
type Tree =
  { kind: 'number'; value: number } | { kind: 'symbol'; name: string } | { kind: 'call'; op: Op; parts: Tree[] }
type Op = '+' | '-' | '*' | '//' | '%' | 'Min' | 'Max'

/** How SymPy and PyTorch name what the graph's expressions offer. */
const FUNCTIONS: Record<string, Op> = {
  Add: '+',
  Mul: '*',
  FloorDiv: '//',
  CleanDiv: '//',
  Mod: '%',
  PythonMod: '%',
  Min: 'Min',
  Max: 'Max'
}
const DEEPEST = 200
const TOKEN = /\s*(\d+|[A-Za-z_]\w*|'[^']*'|\*\*|\/\/|[-+*/%(),=])/y

/** Why an expression of a file cannot be read; the reader adds the file's name. */
export class SizeError extends Error {}

/**
 * Reads a size as PyTorch writes it, `6*s0` or `Mul(Integer(6), Symbol('s0', positive=True))`, and writes it over the
 * input's axes: `6*i0`. Symbols are replaced by what `axes` holds for them.
 * @throws SizeError where it holds a function or a symbol that is unknown
 */
export function readSize(text: string, axes: ReadonlyMap<string, string>): Size {
  return write(simplify(new Reader(text).read()), axes)
}

/** The one symbol that a size is, and the number it is multiplied by: `s0`, `2*s0`. */
export function symbolOf(text: string): { symbol: string; factor: number } | undefined {
  const tree = simplify(new Reader(text).read())
  if (tree.kind === 'symbol') return { symbol: tree.name, factor: 1 }
  if (tree.kind !== 'call' || tree.op !== '*' || tree.parts.length !== 2) return undefined
  const [factor, symbol] = tree.parts as [Tree, Tree]
  return factor.kind === 'number' && symbol.kind === 'symbol'
    ? { symbol: symbol.name, factor: factor.value }
    : undefined
}

/** The product of sizes, a number where all are. */
export function times(...sizes: Size[]): Size {
  const numbers = sizes.filter((one) => typeof one === 'number').reduce((product, one) => product * one, 1)
  const others = sizes.filter((one) => typeof one === 'string')
  if (others.length === 0 || numbers === 0) return numbers
  const factors = numbers === 1 ? others : [String(numbers), ...others]
  return factors.length === 1 ? factors[0]! : factors.map(inBrackets).join('*')
}

/** The sum of sizes, a number where all are. */
export function plus(...sizes: Size[]): Size {
  const numbers = sizes.filter((one) => typeof one === 'number').reduce((sum, one) => sum + one, 0)
  const others = sizes.filter((one) => typeof one === 'string')
  if (others.length === 0) return numbers
  return (numbers === 0 ? others : [...others, String(numbers)]).join(' + ')
}

const inBrackets = (text: string) => (/^\w+$/.test(text) ? text : `(${text})`)

/** A recursive-descent reader of Python's arithmetic. */
class Reader {
  private readonly tokens: string[] = []
  private at = 0
  private depth = 0

  constructor(private readonly text: string) {
    TOKEN.lastIndex = 0
    for (let end = text.trimEnd().length; TOKEN.lastIndex < end;) {
      const found = TOKEN.exec(text)
      if (!found) throw this.unknown()
      this.tokens.push(found[1]!)
    }
  }

  read(): Tree {
    const tree = this.sum()
    if (this.at < this.tokens.length) throw this.unknown()
    return tree
  }

  private sum(): Tree {
    if (++this.depth > DEEPEST) throw this.unknown()
    let left = this.product()
    while (this.next('+', '-')) left = call(this.tokens[this.at++] as Op, left, this.product())
    this.depth--
    return left
  }

  private product(): Tree {
    let left = this.factor()
    while (this.next('*', '//', '%')) left = call(this.tokens[this.at++] as Op, left, this.factor())
    return left
  }

  private factor(): Tree {
    if (this.next('-')) {
      this.at++
      return call('*', { kind: 'number', value: -1 }, this.factor())
    }
    const base = this.atom()
    if (!this.next('**')) return base
    this.at++
    return this.power(base, this.factor())
  }

  private atom(): Tree {
    const token = this.tokens[this.at++] ?? ''
    if (/^\d+$/.test(token)) return { kind: 'number', value: Number(token) }
    if (token === '(') {
      const inner = this.sum()
      this.expect(')')
      return inner
    }
    if (!/^[A-Za-z_]/.test(token)) throw this.unknown()
    return this.next('(') ? this.function(token) : { kind: 'symbol', name: token }
  }

  private function(name: string): Tree {
    this.expect('(')
    if (name === 'Symbol') return this.symbol()
    const parts: Tree[] = []
    while (!this.next(')')) {
      parts.push(this.sum())
      if (!this.next(')')) this.expect(',')
    }
    this.expect(')')
    const [first, second] = parts
    if (name === 'Integer' && first) return first
    if (name === 'Pow' && first && second) return this.power(first, second)
    const op = FUNCTIONS[name]
    if (!op || !first) throw this.unknown()
    return parts.length === 1 ? first : parts.slice(1).reduce((left, part) => call(op, left, part), first)
  }

  /** `Symbol('s0', positive=True, integer=True)`; what is assumed of it does not matter here. */
  private symbol(): Tree {
    const name = this.tokens[this.at++] ?? ''
    if (!name.startsWith("'")) throw this.unknown()
    while (!this.next(')')) if (this.at++ >= this.tokens.length) throw this.unknown()
    this.expect(')')
    return { kind: 'symbol', name: name.slice(1, -1) }
  }

  private power(base: Tree, exponent: Tree): Tree {
    const value = simplify(exponent)
    if (value.kind !== 'number' || value.value < 1 || value.value > 8) throw this.unknown()
    return Array.from({ length: value.value - 1 }, () => base).reduce((left, part) => call('*', left, part), base)
  }

  private next(...tokens: string[]): boolean {
    return tokens.includes(this.tokens[this.at] ?? '')
  }

  private expect(token: string): void {
    if (this.tokens[this.at++] !== token) throw this.unknown()
  }

  private unknown(): SizeError {
    return new SizeError(`the size '${this.text.slice(0, 80)}' cannot be read`)
  }
}

const call = (op: Op, ...parts: Tree[]): Tree => ({ kind: 'call', op, parts })

function simplify(tree: Tree): Tree {
  if (tree.kind !== 'call') return tree
  const parts = tree.parts.map(simplify)
  const [a, b] = parts
  if (a?.kind === 'number' && b?.kind === 'number') return { kind: 'number', value: compute(tree.op, a.value, b.value) }
  const symbolFirst = tree.op === '*' && b?.kind === 'number'
  return { ...tree, parts: symbolFirst ? [b, a!] : parts }
}

function compute(op: Op, a: number, b: number): number {
  switch (op) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '//':
      return Math.floor(a / b)
    case '%':
      return ((a % b) + b) % b
    case 'Min':
      return Math.min(a, b)
    case 'Max':
      return Math.max(a, b)
  }
}

function write(tree: Tree, axes: ReadonlyMap<string, string>): Size {
  if (tree.kind === 'number') return tree.value
  if (tree.kind === 'symbol') {
    const axis = axes.get(tree.name)
    if (axis === undefined) throw new SizeError(`the size '${tree.name}' depends on values, not on the input's size`)
    return axis
  }
  const parts = tree.parts.map((part) => String(write(part, axes)))
  if (tree.op === 'Min' || tree.op === 'Max') return `${tree.op}(${parts.join(', ')})`
  return parts.map(inBrackets).join(tree.op === '+' || tree.op === '-' ? ` ${tree.op} ` : tree.op)
}
