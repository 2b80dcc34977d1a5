import { LrpError } from '../core/errors.js'
import type { AttributeValue } from '../core/graph.js'

/** Shape of an op's output, batch left out everywhere, for the ops that builders use. */
export function outputShape(
  op: string,
  inputs: number[][],
  attributes: Record<string, AttributeValue>,
  name: string
): number[] {
  const shape = inputs[0]!
  const fail = (why: string): never => {
    throw new LrpError('INVALID_ARGUMENT', `node '${name}' (${op}): ${why}`)
  }
  if (op === 'linear') return [...shape.slice(0, -1), attributes.outputs as number]
  if (op === 'flatten') return [shape.reduce((product, axis) => product * axis, 1)]
  if (op === 'cat') {
    const axis = (attributes.dim as number) - 1
    return shape.with(
      axis,
      inputs.reduce((sum, one) => sum + one[axis]!, 0)
    )
  }
  if (op === 'permute') return (attributes.dims as number[]).slice(1).map((axis) => shape[axis - 1]!)
  if (op === 'reshape') return (attributes.shape as number[]).slice(1)
  if (op === 'select') return shape.toSpliced((attributes.dim as number) - 1, 1)
  if (/^adaptive_/.test(op)) return [shape[0]!, ...perAxis(attributes.output_size!, shape.length - 1)]
  if (/^conv\dd$|_pool\dd$/.test(op)) {
    const channels = op.startsWith('conv') ? (attributes.outputs as number) : shape[0]!
    const axes = shape.length - 1
    if (Number(op.at(-2)) !== axes) fail(`its input has ${axes} spatial axes`)
    const fault = windowFault(op, axes, attributes)
    if (fault) fail(fault)
    const spatial = windowed(op, shape.slice(1), attributes)
    if (spatial.some((axis) => axis < 1)) fail(`its input (${shape.join('x')}) is smaller than its window`)
    return [channels, ...spatial]
  }
  if (op === 'slice') {
    const axis = (attributes.dim as number) - 1
    const { start = 0, end = shape[axis]!, step = 1 } = attributes as Record<string, number>
    return shape.with(axis, Math.ceil((Math.min(end, shape[axis]!) - start) / step))
  }
  if (op === 'pad') {
    const padding = attributes.padding as number[]
    return shape.map(
      (axis, i) => axis + (padding[2 * (shape.length - 1 - i)] ?? 0) + (padding[2 * (shape.length - 1 - i) + 1] ?? 0)
    )
  }
  if (op === 'add' && inputs.some((one) => one.join() !== shape.join()))
    fail(`its inputs have the shapes ${inputs.map((one) => one.join('x')).join(' and ')}`)
  return [...shape]
}

/** A setting that may be one number for all axes, also in a list of its own. */
export function perAxis(value: AttributeValue, axes: number): number[] {
  const list = typeof value === 'number' ? [value] : (value as number[])
  return list.length === 1 ? Array<number>(axes).fill(list[0]!) : list
}

/** What PyTorch would refuse about a window, where it runs or not at all. */
function windowFault(op: string, axes: number, attributes: Record<string, AttributeValue>): string | undefined {
  for (const key of ['kernel_size', 'stride', 'padding', 'dilation']) {
    const value = attributes[key]
    if (Array.isArray(value) && value.length !== 1 && value.length !== axes)
      return `its ${key} has ${value.length} entries where ${axes} are needed`
  }
  if (attributes.padding === 'same' && perAxis(attributes.stride ?? 1, axes).some((one) => one !== 1))
    return "padding 'same' needs stride 1"
  if (!op.includes('pool')) return undefined
  const [kernel, padding] = [attributes.kernel_size!, attributes.padding ?? 0].map((one) => perAxis(one, axes))
  return padding!.some((one, i) => one > kernel![i]! / 2) ? 'its padding is more than half of its window' : undefined
}

/** Spatial axes after a window has gone over them; `op` tells pools, whose last window must begin inside. */
export function windowed(op: string, spatial: number[], attributes: Record<string, AttributeValue>): number[] {
  const axes = spatial.length
  const kernel = perAxis(attributes.kernel_size!, axes)
  const stride = attributes.stride === undefined ? kernel : perAxis(attributes.stride, axes)
  if (attributes.padding === 'same') return spatial
  const padding = perAxis(attributes.padding === 'valid' ? 0 : (attributes.padding ?? 0), axes)
  const dilation = perAxis(attributes.dilation ?? 1, axes)
  const round = attributes.ceil_mode === true ? Math.ceil : Math.floor
  return spatial.map((size, i) => {
    const free = size + 2 * padding[i]! - dilation[i]! * (kernel[i]! - 1) - 1
    const steps = round(free / stride[i]!) + 1
    const startsInside = (steps - 1) * stride[i]! < size + padding[i]!
    return op.includes('pool') && !startsInside ? steps - 1 : steps
  })
}
