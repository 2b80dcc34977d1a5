import { LrpError } from '../../../core/errors.js'
import { sizeOf, type RawTensor, type StateDict } from '../../../core/tensor.js'
import { GraphBuilder, type Architecture } from '../../builder.js'
import { relativeBias, take, type Derive } from './derived.js'
import { attend, mlp, patchTokens, type LayerNames, type LayerSettings } from './transformer.js'
import { meanToken } from './vit.js'

export interface SwinPlan {
  name: string
  imageShape: [number, number, number]
  patch: [number, number]
  width: number
  depths: number[]
  heads: number[]
  window: number
  mlpRatio: number
  eps: number
  qkvBias: boolean
  activation: LayerSettings['activation']
  classes: number
  names: {
    patches: string
    patchNorm: string
    block: (stage: number, i: number) => { at: string; weights: LayerNames; table: string }
    /** Between a stage and the next. */
    downsample: (stage: number) => string
    norm: string
    classifier: string
  }
}

interface Grid {
  height: number
  width: number
}

/** Tokens of other windows are hidden from each other after a cyclic shift. */
const HIDDEN = -100

/** Swin transformers (Liu et al. 2021): attention within windows, every other layer shifted by half of one. */
export function buildSwin(plan: SwinPlan): { architecture: Architecture; derive: Derive } {
  const { names, depths } = plan
  const b = new GraphBuilder(plan.imageShape)
  const grid: Grid = {
    height: Math.floor(plan.imageShape[1] / plan.patch[0]),
    width: Math.floor(plan.imageShape[2] / plan.patch[1])
  }
  let x = b.layerNorm(names.patchNorm, patchTokens(b, names.patches, plan.width, plan.patch)[0])
  let width = plan.width
  const derived: ((weights: StateDict) => void)[] = []
  depths.forEach((depth, stage) => {
    for (let i = 0; i < depth; i++) {
      const { at, weights, table } = names.block(stage, i)
      const window = Math.min(plan.window, grid.height, grid.width)
      const shift = i % 2 === 0 || window === Math.min(grid.height, grid.width) ? 0 : Math.floor(window / 2)
      const heads = plan.heads[stage]!
      const bias = `${at}.attention.bias`
      x = block(b, at, x, weights, {
        ...plan,
        width,
        heads,
        hidden: Math.floor(width * plan.mlpRatio),
        grid,
        window,
        shift,
        bias
      })
      const whole = filled(grid, window)
      derived.push((all) => {
        const relative = relativeBias(take(all, table), [plan.window, plan.window], false)
        if (window !== plan.window)
          throw new LrpError('UNSUPPORTED', `the windows of ${plan.name} are larger than its feature maps`)
        all.set(bias, shift > 0 ? withShift(relative, whole, window, shift) : relative)
      })
    }
    if (stage === depths.length - 1) return
    x = merged(b, names.downsample(stage), x, width, grid)
    Object.assign(grid, { height: Math.ceil(grid.height / 2), width: Math.ceil(grid.width / 2) })
    width *= 2
  })
  x = meanToken(b, 'pooled', b.layerNorm(names.norm, x, plan.eps))
  const architecture = b.finish(plan.name, b.linear(names.classifier, x, plan.classes))
  return { architecture, derive: (all) => derived.forEach((one) => one(all)) }
}

interface BlockSettings extends Pick<LayerSettings, 'width' | 'heads' | 'hidden' | 'eps' | 'activation'> {
  qkvBias: boolean
  grid: Grid
  window: number
  shift: number
  bias: string
}

/** The grid with zeros below and to the right that fill its last windows. */
function filled({ height, width }: Grid, window: number): Grid {
  return { height: Math.ceil(height / window) * window, width: Math.ceil(width / window) * window }
}

/** [batch, height, width, channels] with zeros below and to the right. */
function padded(b: GraphBuilder, name: string, input: string, from: Grid, to: Grid): string {
  if (from.height === to.height && from.width === to.width) return input
  return b.add(name, 'pad', [input], { padding: [0, 0, 0, to.width - from.width, 0, to.height - from.height] })
}

/** The same without them. */
function cropped(b: GraphBuilder, name: string, input: string, from: Grid, to: Grid): string {
  const rows =
    from.height === to.height ? input : b.add(`${name}.rows`, 'slice', [input], { dim: 1, start: 0, end: to.height })
  return from.width === to.width ? rows : b.add(`${name}.columns`, 'slice', [rows], { dim: 2, start: 0, end: to.width })
}

function block(b: GraphBuilder, at: string, input: string, names: LayerNames, s: BlockSettings): string {
  const { width, grid, window, shift } = s
  const places = window * window
  const whole = filled(grid, window)
  const [down, across] = [whole.height / window, whole.width / window]
  let x = b.layerNorm(names.norm1, input, s.eps)
  x = b.add(`${at}.image`, 'reshape', [x], { shape: [0, grid.height, grid.width, width] })
  x = padded(b, `${at}.filled`, x, grid, whole)
  if (shift > 0) x = rolled(b, `${at}.shift`, x, -shift)
  x = b.add(`${at}.split`, 'reshape', [x], { shape: [0, down, window, across, window, width] })
  x = b.add(`${at}.windows`, 'permute', [x], { dims: [0, 1, 3, 2, 4, 5] })
  x = b.add(`${at}.tokens`, 'reshape', [x], { shape: [0, down * across, places, width] })
  x = windowAttention(b, at, x, names, s, down * across)
  x = b.add(`${at}.apart`, 'reshape', [x], { shape: [0, down, across, window, window, width] })
  x = b.add(`${at}.together`, 'permute', [x], { dims: [0, 1, 3, 2, 4, 5] })
  x = b.add(`${at}.whole`, 'reshape', [x], { shape: [0, whole.height, whole.width, width] })
  if (shift > 0) x = rolled(b, `${at}.back`, x, shift)
  x = cropped(b, at, x, whole, grid)
  x = b.add(`${at}.flat`, 'reshape', [x], { shape: [0, grid.height * grid.width, width] })
  x = b.add(`${at}.add_1`, 'add', [input, x])
  const y = mlp(b, at, b.layerNorm(names.norm2, x, s.eps), names, s)
  return b.add(`${at}.add_2`, 'add', [y, x])
}

function rolled(b: GraphBuilder, name: string, input: string, by: number): string {
  return b.add(name, 'aten::roll', [input], { shifts: [by, by], dims: [1, 2] })
}

/** Attention of [windows, places, width] within each window. */
function windowAttention(
  b: GraphBuilder,
  at: string,
  input: string,
  names: LayerNames,
  { width, heads, window, qkvBias, bias, shift }: BlockSettings,
  windows: number
): string {
  const places = window * window
  const { qkv } = names
  const all = typeof qkv === 'string' ? b.linear(qkv, input, 3 * width, qkvBias) : undefined
  const split = [0, 1, 2].map((i) => {
    const slice = { dim: 3, start: i * width, end: (i + 1) * width }
    const name = `${at}.${['query', 'key', 'value'][i]}`
    const part = all ? b.add(name, 'slice', [all], slice) : b.linear(qkv[i]!, input, width, qkvBias)
    const rows = b.add(`${name}.heads`, 'reshape', [part], { shape: [0, windows, places, heads, width / heads] })
    return b.add(`${name}.permute`, 'permute', [rows], { dims: [0, 1, 3, 2, 4] })
  })
  const added = b.constant(bias, [1, shift > 0 ? windows : 1, heads, places, places], { value: 0 })
  let x = attend(b, at, split, added)
  x = b.add(`${at}.attention.permute`, 'permute', [x], { dims: [0, 1, 3, 2, 4] })
  x = b.add(`${at}.attention.join`, 'reshape', [x], { shape: [0, windows, places, width] })
  return b.linear(names.out, x, width)
}

/** Four neighbours become one place of twice the width. */
function merged(b: GraphBuilder, name: string, input: string, width: number, grid: Grid): string {
  const even = filled(grid, 2)
  const [height, columns] = [even.height, even.width]
  let x = input
  if (height !== grid.height || columns !== grid.width) {
    const image = b.add(`${name}.image`, 'reshape', [input], { shape: [0, grid.height, grid.width, width] })
    x = padded(b, `${name}.filled`, image, grid, even)
  }
  x = b.add(`${name}.blocks`, 'reshape', [x], { shape: [0, height / 2, 2, columns / 2, 2, width] })
  x = b.add(`${name}.neighbours`, 'permute', [x], { dims: [0, 1, 3, 4, 2, 5] })
  x = b.add(`${name}.joined`, 'reshape', [x], { shape: [0, (height * columns) / 4, 4 * width] })
  return b.linear(`${name}.reduction`, b.layerNorm(`${name}.norm`, x), 2 * width, false)
}

/** The bias of every window of a shifted image: [1, windows, heads, places, places]. */
function withShift(bias: RawTensor, { height, width }: Grid, window: number, shift: number): RawTensor {
  if (bias.dtype !== 'f32')
    throw new LrpError('UNSUPPORTED', "the network's tables of relative positions must be float32")
  const [, heads, places] = bias.shape as [number, number, number, number]
  const own = new Float32Array(
    bias.data.buffer.slice(bias.data.byteOffset, bias.data.byteOffset + bias.data.byteLength)
  )
  const part = (at: number, side: number): number => (at < side - window ? 0 : at < side - shift ? 1 : 2)
  const [down, across] = [height / window, width / window]
  const shape = [1, down * across, heads, places, places]
  const result = new Float32Array(sizeOf(shape))
  for (let w = 0; w < down * across; w++) {
    const regions = Array.from({ length: places }, (_, place) => {
      const row = Math.floor(w / across) * window + Math.floor(place / window)
      return part(row, height) * 3 + part((w % across) * window + (place % window), width)
    })
    for (let head = 0; head < heads; head++)
      for (let a = 0; a < places; a++)
        for (let c = 0; c < places; c++) {
          const from = (head * places + a) * places + c
          result[w * heads * places * places + from] = own[from]! + (regions[a] === regions[c] ? 0 : HIDDEN)
        }
  }
  return { dtype: 'f32', shape, data: new Uint8Array(result.buffer) }
}
