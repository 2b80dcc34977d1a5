import { basename, extname } from 'node:path'
import * as z from 'zod'
import { LrpError } from '../core/errors.js'
import { readJson } from '../core/files.js'
import { checkContent } from '../core/options.js'
import { counted } from '../core/plural.js'
import { GraphBuilder, type Architecture } from './builder.js'
import { plainPreprocessing } from './preprocessing.js'

const count = z.int().positive()
const perAxis = z.union([count, z.array(count).min(1).max(3)])
const padding = z.union([z.int().min(0), z.array(z.int().min(0)).min(1).max(3)])
const name = z.string().min(1).optional()

const window = { name, kernelSize: perAxis, stride: perAxis.optional(), padding: padding.default(0) }
const pool = <T extends string>(type: T) =>
  z.strictObject({ type: z.literal(type), ...window, ceilMode: z.boolean().default(false) })
const plain = <T extends string>(type: T) => z.strictObject({ type: z.literal(type), name })

const layerSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('convolution'),
    name,
    channels: count,
    kernelSize: perAxis,
    stride: perAxis.default(1),
    padding: z.union([padding, z.enum(['same', 'valid'])]).default(0),
    dilation: perAxis.default(1),
    groups: count.default(1),
    bias: z.boolean().default(true)
  }),
  z.strictObject({
    type: z.literal('linear'),
    name,
    features: z.union([count, z.literal('classes')]),
    bias: z.boolean().default(true)
  }),
  pool('max-pool'),
  pool('average-pool'),
  pool('sum-pool'),
  plain('global-average-pool'),
  plain('batch-norm'),
  plain('flatten'),
  z.strictObject({ type: z.literal('dropout'), name, share: z.number().min(0).lt(1).default(0.5) }),
  z.strictObject({ type: z.literal('leaky-relu'), name, slope: z.number().default(0.01) }),
  ...(['relu', 'relu6', 'elu', 'gelu', 'silu', 'sigmoid', 'tanh', 'hardswish', 'softplus'] as const).map(plain)
])

export const layersSchema = z.array(layerSchema).min(1)
/** A layer in a list of layers: `{ type: 'convolution', channels: 16, kernelSize: 5 }`. */
export type Layer = z.input<typeof layerSchema>

/**
 * Builds a network from a list of consecutive layers. `features: 'classes'` stands for the number of classes. Layers
 * without a name are numbered as in torch.nn.Sequential, so PyTorch can load the weights.
 * @param imageShape channels, height, width
 * @throws LrpError INVALID_ARGUMENT naming the layer
 */
export function buildLayers(
  layers: Layer[],
  { imageShape, classes }: { imageShape: number[]; classes: number },
  title = 'layers'
): Architecture {
  const b = new GraphBuilder(imageShape)
  let x = 'input'
  checkContent(layersSchema, layers, title).forEach((layer, i) => {
    x = addLayer(b, layer, layer.name ?? String(i), x, classes)
  })
  const outputs = b.shapeOf(x)
  if (outputs.join() !== String(classes)) {
    const has = outputs.join('x')
    throw new LrpError(
      'INVALID_ARGUMENT',
      `${title} must end in one output for each class: the output has the shape ${has}, but the data set has ${counted(classes, 'class', 'classes')}`
    )
  }
  return b.finish(title, x, plainPreprocessing(imageShape))
}

/**
 * Reads a list of layers from a JSON file: `[...]` or `{ "layers": [...] }`.
 * @throws LrpError NOT_FOUND, INVALID_FILE, INVALID_ARGUMENT
 */
export async function readLayers(path: string): Promise<{ name: string; layers: Layer[] }> {
  const schema = z.union([
    z.strictObject({ layers: z.array(z.unknown()) }).transform(({ layers }) => layers),
    z.array(z.unknown())
  ])
  const layers = checkContent(schema, await readJson(path), path)
  return { name: basename(path, extname(path)), layers: checkContent(layersSchema, layers, path) as Layer[] }
}

function addLayer(
  b: GraphBuilder,
  layer: z.output<typeof layerSchema>,
  name: string,
  x: string,
  classes: number
): string {
  const shape = b.shapeOf(x)
  const needs = (axes: boolean, what: string): void => {
    if (!axes)
      throw new LrpError('INVALID_ARGUMENT', `layer '${name}' (${layer.type}) ${what}: its input is ${shape.join('x')}`)
  }
  if (layer.type === 'linear') {
    needs(shape.length === 1, 'needs a flat vector: add a flatten before it')
    return b.linear(name, x, layer.features === 'classes' ? classes : layer.features, layer.bias)
  }
  if (layer.type === 'flatten') return b.add(name, 'flatten', [x], { start_dim: 1, end_dim: -1 })
  if (layer.type === 'dropout') return b.add(name, 'dropout', [x], { p: layer.share })
  if (layer.type === 'leaky-relu') return b.add(name, 'leaky_relu', [x], { negative_slope: layer.slope })
  if (layer.type === 'batch-norm') return b.batchNorm(name, x)
  if (layer.type === 'convolution') {
    needs(shape.length > 1, 'needs an image')
    const { channels, kernelSize, stride, padding, dilation, groups, bias } = layer
    return b.convolution(name, x, channels, kernelSize, { stride, padding, dilation, groups, bias })
  }
  if (layer.type === 'global-average-pool') {
    needs(shape.length > 1, 'needs an image')
    const axes = shape.length - 1
    return b.add(name, `adaptive_avg_pool${axes}d`, [x], { output_size: Array<number>(axes).fill(1) })
  }
  if ('kernelSize' in layer) {
    needs(shape.length > 1, 'needs an image')
    const { kernelSize, stride = kernelSize, padding, ceilMode } = layer
    const kind = { 'max-pool': 'max', 'average-pool': 'avg', 'sum-pool': 'sum' }[layer.type]
    const attributes = { kernel_size: kernelSize, stride, padding, ceil_mode: ceilMode }
    return b.add(name, `${kind}_pool${shape.length - 1}d`, [x], attributes)
  }
  return b.add(name, layer.type, [x])
}
