/**
 * A size that depends on the network's input: `i0` is the batch, `i2` and `i3` are height and width where the file
 * leaves them open. It is known as a formula, and by its values for a few inputs, which tell whether two sizes are equal.
 */
export class Size {
  constructor(
    /** The formula as nodes carry it: `i2//2+1`. */
    readonly text: string,
    private readonly formula: (input: readonly number[]) => number,
    /** Values for the sample inputs; NaN where an input of that size does not match. */
    readonly samples: readonly number[]
  ) {}

  /** The size for an input whose axes are `input`. */
  of(input: readonly number[]): number {
    return this.formula(input)
  }

  get dependsOnBatch(): boolean {
    return /\bi0\b/.test(this.text)
  }
}

export type Dim = number | Size

const BATCHES = [2, 3, 5, 7, 11, 13]
/** Sizes of axis `k`: some with many divisors, some with few, no two axes alike. */
const SAMPLES = BATCHES.map((batch, s) => [
  batch,
  ...Array.from({ length: 7 }, (_, k) => [224, 256, 448, 129, 97, 333][s]! + (s < 3 ? 32 : 2) * ((k * 5) % 7))
])
const LARGEST_MEMORY = 4096
const known = new Map<string, Size>()

/** The size of an axis of the input. */
export function axisSize(axis: number): Size {
  return sizeOfFormula(`i${axis}`, (input) => input[axis]!) as Size
}

function sizeOfFormula(text: string, formula: (input: readonly number[]) => number): Dim {
  const samples = SAMPLES.map(formula)
  const valid = samples.filter(Number.isFinite)
  if (valid.length >= 3 && valid.every((one) => one === valid[0])) return valid[0]!
  const key = samples.join()
  const found = known.get(key)
  if (found) return found
  if (known.size > LARGEST_MEMORY) known.clear()
  const made = new Size(text, formula, samples)
  known.set(key, made)
  return made
}

type Arithmetic = (a: number, b: number) => number

const textOf = (dim: Dim) =>
  typeof dim === 'number' ? String(dim) : /^\w+$/.test(dim.text) ? dim.text : `(${dim.text})`

const operation =
  (symbol: string, f: Arithmetic, write = (a: string, b: string) => `${a}${symbol}${b}`) =>
  (a: Dim, b: Dim): Dim => {
    if (typeof a === 'number' && typeof b === 'number') return f(a, b)
    const left = typeof a === 'number' ? () => a : (input: readonly number[]) => a.of(input)
    const right = typeof b === 'number' ? () => b : (input: readonly number[]) => b.of(input)
    return sizeOfFormula(write(textOf(a), textOf(b)), (input) => f(left(input), right(input)))
  }

const call = (name: string) => (a: string, b: string) => `${name}(${a},${b})`

export const plus = operation('+', (a, b) => a + b)
export const minus = operation('-', (a, b) => a - b)
export const times = operation('*', (a, b) => a * b)
export const floorDivide = operation('//', (a, b) => Math.floor(a / b))
/** Division without a remainder; NaN if there is one. */
export const divideExactly = operation('//', (a, b) => (a % b === 0 ? a / b : Number.NaN))
export const modulo = operation('%', (a, b) => a - b * Math.floor(a / b))
export const smaller = operation('', Math.min, call('Min'))
export const larger = operation('', Math.max, call('Max'))
export const ceilDivide = (a: Dim, b: number): Dim => floorDivide(plus(a, b - 1), b)

export const product = (dims: readonly Dim[]): Dim => dims.reduce(times, 1)
export const total = (dims: readonly Dim[]): Dim => dims.reduce(plus, 0)

/** Fractions of sizes, which files compute before they round: numerator and denominator. */
const fractions = new WeakMap<Size, [Dim, Dim]>()

function fraction(numerator: Dim, denominator: Dim): Dim {
  const made = operation('/', (a, b) => a / b)(numerator, denominator)
  if (made instanceof Size && !made.samples.every((one) => Number.isInteger(one) || Number.isNaN(one))) {
    fractions.set(made, [numerator, denominator])
    return made
  }
  return made instanceof Size ? divideExactly(numerator, denominator) : made
}

/** A quotient that is not rounded. */
export function divide(a: Dim, b: Dim): Dim {
  const [numerator, denominator] = (a instanceof Size && fractions.get(a)) || [a, 1]
  if (typeof b === 'number' && !Number.isInteger(b)) return scale(a, 1 / b)
  return fraction(numerator, times(denominator, b))
}

/** A size times any number; a float is a fraction of two whole numbers. */
export function scale(a: Dim, factor: Dim): Dim {
  if (typeof a === 'number' && factor instanceof Size) return scale(factor, a)
  const [numerator, denominator] = (a instanceof Size && fractions.get(a)) || [a, 1]
  if (typeof factor !== 'number' || typeof a === 'number' || Number.isInteger(factor)) {
    return denominator === 1 ? times(a, factor) : fraction(times(numerator, factor), denominator)
  }
  let power = 1
  while (!Number.isInteger(factor * power)) power *= 2
  return fraction(times(numerator, factor * power), times(denominator, power))
}

export function floor(a: Dim): Dim {
  if (typeof a === 'number') return Math.floor(a)
  const [numerator, denominator] = fractions.get(a) ?? [a, 1]
  return denominator === 1 ? a : floorDivide(numerator, denominator)
}

export const negative = (a: Dim): Dim => minus(0, a)
export const ceil = (a: Dim): Dim => (typeof a === 'number' ? Math.ceil(a) : negative(floor(scale(a, -1))))

/** Whether two sizes are equal for every input that fits them. */
export function equal(a: Dim, b: Dim): boolean {
  if (typeof a === 'number' || typeof b === 'number') return a === b
  if (a === b) return true
  const pairs = a.samples.map((one, i) => [one, b.samples[i]!]).filter((pair) => pair.every(Number.isFinite))
  return pairs.length >= 3 && pairs.every(([x, y]) => x === y)
}

export const equalShapes = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((one, i) => equal(one, b[i]!))

/** Whether two sizes are equal; undefined where that depends on the input. */
export function isEqual(a: Dim, b: Dim): boolean | undefined {
  if (equal(a, b)) return true
  const difference = minus(a, b)
  if (typeof difference === 'number') return difference === 0
  return difference.samples.some((one) => one === 0) ? undefined : false
}

/** Whether one size is less than another; undefined where that depends on the input. */
export function isLess(a: Dim, b: Dim): boolean | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a < b
  const difference = minus(a, b)
  if (typeof difference === 'number') return difference < 0
  const signs = difference.samples.filter(Number.isFinite).map((one) => one < 0)
  return signs.every((one) => one === signs[0]) ? signs[0] : undefined
}

/** A size as a node's attribute holds it. @throws RangeError where it is a fraction */
export function dimText(dim: Dim): number | string {
  if (dim instanceof Size && fractions.has(dim)) throw new RangeError('a size is divided without rounding')
  return typeof dim === 'number' ? dim : dim.text
}

export const dependsOnBatch = (dim: Dim): boolean => typeof dim !== 'number' && dim.dependsOnBatch

/** The shape of two values that are broadcast; undefined where they do not match. */
export function broadcast(a: readonly Dim[], b: readonly Dim[]): Dim[] | undefined {
  const rank = Math.max(a.length, b.length)
  const pad = (shape: readonly Dim[]) => [...Array<Dim>(rank - shape.length).fill(1), ...shape]
  const [left, right] = [pad(a), pad(b)]
  const axes = left.map((axis, i) => {
    if (axis === 1) return right[i]
    return right[i] === 1 || equal(axis, right[i]!) ? axis : undefined
  })
  return axes.every((axis) => axis !== undefined) ? axes : undefined
}
