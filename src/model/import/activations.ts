import type { GraphNode } from '../../core/graph.js'

type Nodes = ReadonlyMap<string, GraphNode>

/**
 * Exporters and authors take some activations apart: GELU into an error function or a tanh, SiLU and hard swish into products.
 * Where a node completes such a product, the nodes that take its place, the last under its name; else nothing.
 * @param before the nodes before it by name
 */
export function activationAt(node: GraphNode, before: Nodes): GraphNode[] | undefined {
  if (node.op === 'aten::where.self') return softplusAt(node, before)
  if (!isProduct(node)) return undefined
  for (const x of new Set(leaves(node, before))) {
    const { scale, others } = factors(node, before, x)
    if (others.length !== 2 || !others.includes(x)) continue
    const gate = gateAt(others[0] === x ? others[1]! : others[0]!, before, x)
    const found = gate && whole(node.name, x, scale, gate)
    if (found) return found
  }
  return undefined
}

/** A function of a polynomial of x, plus a number. */
interface Gate {
  of: string
  /** The value that the function is taken of, and its coefficients in x. */
  argument: string
  polynomial: number[]
  plus: number
}

/** What x, times a number, times a gate is. */
function whole(name: string, x: string, scale: number, { of, argument, polynomial, plus }: Gate) {
  const node = (op: string, inputs: string[], attributes: GraphNode['attributes'] = {}, wish = name): GraphNode => ({
    name: wish,
    op,
    inputs,
    attributes,
    parameters: {}
  })
  const fits = (wanted: string, by: number, added: number, ...coefficients: number[]) =>
    of === wanted && near(scale, by) && plus === added && same(polynomial, coefficients)
  const tanh = Math.sqrt(2 / Math.PI)
  if (fits('erf', 0.5, 1, 0, Math.SQRT1_2)) return [node('gelu', [x])]
  if (fits('tanh', 0.5, 1, 0, tanh, 0, tanh * 0.044715)) return [node('gelu', [x], { approximate: 'tanh' })]
  if (fits('hardsigmoid', 1, 0, 0, 1) || fits('relu6', 1 / 6, 0, 3, 1)) return [node('hardswish', [x])]
  if (fits('mish', 1, 0, 0, 1)) return [node('aten::mish', [x], { arguments: ['self'] })]
  if (fits('sigmoid', 1, 0, 0, 1)) return [node('silu', [x])]
  // quick GELU: x sigmoid(a x) is silu(a x) / a
  const [, slope] = polynomial
  if (!slope || !fits('sigmoid', 1, 0, 0, slope)) return undefined
  const silu = `${name}.silu`
  return [node('silu', [argument], {}, silu), node('mul_scalar', [silu], { value: 1 / slope })]
}

function gateAt(name: string, before: Nodes, x: string): Gate | undefined {
  let node = before.get(name)
  const plus = node?.op === 'add_scalar' ? Number(node.attributes.value) : 0
  if (node?.op === 'add_scalar') node = before.get(node.inputs[0]!)
  if (!node) return undefined
  const [input] = node.inputs as [string]
  const inner = before.get(input)
  const [of, argument] =
    node.op === 'tanh' && inner && isSoftplus(inner, before)
      ? ['mish', softplusOf(inner, before)]
      : isRelu6(node, before)
        ? ['relu6', node.op === 'relu6' ? input : inner!.inputs[0]!]
        : [node.op.replace(/^aten::/, ''), input]
  const polynomial = polynomialOf(argument, before, x)
  return polynomial && { of, argument, polynomial, plus }
}

/** What `run_decompositions()` makes of a softplus: x above the threshold, log(1 + exp(x)) below. */
function softplusAt({ name, inputs }: GraphNode, before: Nodes): GraphNode[] | undefined {
  const [above, , below] = inputs.map((input) => before.get(input))
  const isBelow = below?.op === 'aten::log1p' && isSoftplus(below, before) && softplusOf(below, before) === inputs[1]
  if (above?.op !== 'aten::gt.Scalar' || above.inputs[0] !== inputs[1] || !isBelow) return undefined
  if (above.attributes.other !== 20) return undefined
  return [{ name, op: 'softplus', inputs: [inputs[1]!], attributes: { beta: 1 }, parameters: {} }]
}

/** `softplus`, or log(1 + exp). */
function isSoftplus(node: GraphNode, before: Nodes): boolean {
  if (node.op === 'softplus') return (node.attributes.beta ?? 1) === 1
  return node.op === 'aten::log1p' && before.get(node.inputs[0]!)?.op === 'aten::exp'
}

function softplusOf(node: GraphNode, before: Nodes): string {
  return node.op === 'softplus' ? node.inputs[0]! : before.get(node.inputs[0]!)!.inputs[0]!
}

function isRelu6(node: GraphNode, before: Nodes): boolean {
  if (node.op === 'relu6') return true
  const { min, max } = node.attributes
  const isClamp = node.op === 'aten::clamp_max' || node.op === 'aten::clamp'
  return isClamp && min === undefined && max === 6 && before.get(node.inputs[0]!)?.op === 'relu'
}

const isProduct = (node: GraphNode | undefined): node is GraphNode => node?.op === 'mul' || node?.op === 'mul_scalar'
/** How many products, or sums, of one activation lie above each other. */
const DEEPEST = 6

/** All values that a product of products reads, those in between too. */
function leaves(node: GraphNode, before: Nodes, depth = 0): string[] {
  return node.inputs.flatMap((name) => {
    const input = before.get(name)
    return [name, ...(isProduct(input) && depth < DEEPEST ? leaves(input, before, depth + 1) : [])]
  })
}

/** What a product is made of, where x is not taken apart: the number before it, and the values. */
function factors(node: GraphNode, before: Nodes, x: string, depth = 0): { scale: number; others: string[] } {
  const parts = node.inputs.map((name) => {
    const input = before.get(name)
    const goesOn = name !== x && isProduct(input) && depth < DEEPEST
    return goesOn ? factors(input, before, x, depth + 1) : { scale: 1, others: [name] }
  })
  const own = node.op === 'mul_scalar' ? (node.attributes.value as number) : 1
  return {
    scale: parts.reduce((product, part) => product * part.scale, own),
    others: parts.flatMap((part) => part.others)
  }
}

/** Coefficients of a value as a polynomial of x, up to the third power; undefined where it is none. */
function polynomialOf(name: string, before: Nodes, x: string, depth = 0): number[] | undefined {
  if (name === x) return [0, 1]
  const node = before.get(name)
  if (!node || depth > DEEPEST) return undefined
  const inputs = node.inputs.map((input) => polynomialOf(input, before, x, depth + 1))
  const [a, b] = inputs
  if (!a || inputs.some((one) => !one)) return undefined
  const value = Number(node.attributes.value)
  if (node.op === 'mul_scalar') return a.map((one) => one * value)
  if (node.op === 'add_scalar') return a.with(0, a[0]! + value)
  if (node.op === 'mul' && b && inputs.length === 2) return times(a, b)
  if (node.op === 'add' && b && inputs.length === 2) {
    return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => (a[i] ?? 0) + (b[i] ?? 0))
  }
  const { exponent } = node.attributes
  if (node.op !== 'aten::pow.Tensor_Scalar' || (exponent !== 2 && exponent !== 3)) return undefined
  const square = times(a, a)
  return exponent === 2 ? square : square && times(square, a)
}

function times(a: number[], b: number[]): number[] | undefined {
  const product = Array<number>(a.length + b.length - 1).fill(0)
  a.forEach((one, i) => b.forEach((other, j) => (product[i + j]! += one * other)))
  return product.length > 4 ? undefined : product
}

/** Constants of a file have the precision of its numbers. */
const near = (a: number, b: number) => Math.abs(a - b) <= 2e-4 * Math.abs(b)

function same(a: number[], b: number[]): boolean {
  return a.length === b.length && a.every((one, i) => near(one, b[i]!))
}
