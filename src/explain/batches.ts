import type {
  AttentionRelevance,
  AttributeResult,
  Channels,
  ChannelValues,
  LayerConservation
} from '../native/addon.js'
import { sizeOf, type Tensor } from '../core/tensor.js'

/** Rows `from` to `to` of a batch, over the same memory. */
export function sliceBatch(tensor: Tensor, from: number, to: number): Tensor {
  const { data, shape, inputs } = tensor
  const image = sizeOf(shape.slice(1))
  const rows = (one: Tensor): Tensor => (one.shape[0] === shape[0] ? sliceBatch(one, from, to) : one)
  return {
    data: data.subarray(from * image, to * image),
    shape: [to - from, ...shape.slice(1)],
    ...(inputs && { inputs: Object.fromEntries(Object.entries(inputs).map(([name, one]) => [name, rows(one)])) })
  }
}

/** Splits the images `from` to `to` into shares of about the same size: where each begins and ends. */
export function sharesOf(from: number, to: number, count: number): [number, number][] {
  const border = (i: number): number => from + Math.floor((i * (to - from)) / count)
  return Array.from({ length: count }, (_, i) => [border(i), border(i + 1)])
}

/** Joins the results of consecutive batches. */
export function concatenate(parts: AttributeResult[]): AttributeResult {
  if (parts.length === 1) return parts[0]!
  const first = parts[0]!
  const stacked = isStacked(first)
  const joinNamed = (key: 'inputs' | 'layers'): Record<string, Tensor> =>
    Object.fromEntries(
      Object.keys(first[key]).map((name) => [
        name,
        joinAlong(
          parts.map((part) => part[key][name]!),
          stacked ? 1 : 0
        )
      ])
    )
  return {
    relevance: joinAlong(
      parts.map((part) => part.relevance),
      stacked ? 1 : 0
    ),
    logits: joinAlong(
      parts.map((part) => part.logits),
      0
    ),
    targets: joinRows(parts, (part) => part.targets, Int32Array),
    sums: joinRows(parts, (part) => part.sums, Float64Array),
    scores: joinRows(parts, (part) => part.scores, Float64Array),
    starts: joinRows(parts, (part) => part.starts, Float64Array),
    startSizes: joinRows(parts, (part) => part.startSizes, Float64Array),
    magnitudes: joinRows(parts, (part) => part.magnitudes, Float64Array),
    ...(first.against && { against: joinRows(parts, (part) => part.against!, Int32Array) }),
    ...(first.boxes && { boxes: joinRows(parts, (part) => part.boxes!, Int32Array) }),
    ...(first.regions && { regions: joinAlong(regionsOf(parts), 1) }),
    inputs: joinNamed('inputs'),
    layers: joinNamed('layers'),
    channels: Object.fromEntries(
      Object.keys(first.channels).map((name) => [
        name,
        joinChannels(
          parts.map((part) => part.channels[name]!),
          stacked ? 1 : 0
        )
      ])
    ),
    attention: first.attention.map((one, i) =>
      joinAttention(
        one.node,
        parts.map((part) => part.attention[i]!),
        stacked ? 1 : 0
      )
    ),
    layer: first.layer,
    conservation: first.conservation.map((layer, i) =>
      joinConservation(
        layer.node,
        parts.map((part) => part.conservation[i]!)
      )
    )
  }
}

function joinAttention(node: string, parts: AttentionRelevance[], axis: 0 | 1): AttentionRelevance {
  const join = (key: Exclude<keyof AttentionRelevance, 'node'>): Tensor =>
    joinAlong(
      parts.map((part) => part[key]),
      axis
    )
  return { node, tokens: join('tokens'), heads: join('heads'), headTokens: join('headTokens') }
}

function joinChannels(parts: Channels[], axis: 0 | 1): Channels {
  const join = (values: ChannelValues[], along: 0 | 1): ChannelValues => ({
    sum: joinAlong(
      values.map(({ sum }) => sum),
      along
    ),
    largest: joinAlong(
      values.map(({ largest }) => largest),
      along
    ),
    place: joinAlong(
      values.map(({ place }) => place),
      along
    )
  })
  return {
    relevance: join(
      parts.map(({ relevance }) => relevance),
      axis
    ),
    activation: join(
      parts.map(({ activation }) => activation),
      0
    )
  }
}

/** Whether the maps have a leading axis of targets: an image then has several sums. */
function isStacked({ sums, logits }: AttributeResult): boolean {
  return sums.length > logits.shape[0]!
}

function regionsOf(parts: AttributeResult[]): { data: Uint8Array; shape: number[] }[] {
  return parts.map((part) => part.regions!)
}

function joinAlong<T extends Float32Array | Uint8Array>(
  tensors: { data: T; shape: number[] }[],
  axis: 0 | 1
): { data: T; shape: number[] } {
  const shape = [...tensors[0]!.shape]
  shape[axis] = tensors.reduce((sum, tensor) => sum + tensor.shape[axis]!, 0)
  const data = new (tensors[0]!.data.constructor as new (size: number) => T)(sizeOf(shape))
  const outer = axis === 0 ? 1 : shape[0]!
  let at = 0
  for (let row = 0; row < outer; row++) {
    for (const tensor of tensors) {
      const chunk = tensor.data.length / outer
      data.set(tensor.data.subarray(row * chunk, (row + 1) * chunk), at)
      at += chunk
    }
  }
  return { data, shape }
}

/** Numbers of each image, row by row of targets. */
function joinRows<T extends Int32Array | Float64Array>(
  parts: AttributeResult[],
  pick: (part: AttributeResult) => T,
  Numbers: new (count: number) => T
): T {
  const images = parts.map((part) => part.logits.shape[0]!)
  const rows = pick(parts[0]!).length / images[0]!
  const result = new Numbers(rows * images.reduce((a, b) => a + b, 0))
  let at = 0
  for (let row = 0; row < rows; row++) {
    for (const [i, part] of parts.entries()) {
      result.set(pick(part).subarray(row * images[i]!, (row + 1) * images[i]!), at)
      at += images[i]!
    }
  }
  return result
}

function joinConservation(node: string, parts: LayerConservation[]): LayerConservation {
  const join = (key: Exclude<keyof LayerConservation, 'node'>): Float64Array => {
    const all = new Float64Array(parts.reduce((sum, part) => sum + part[key].length, 0))
    let at = 0
    for (const part of parts) {
      all.set(part[key], at)
      at += part[key].length
    }
    return all
  }
  return {
    node,
    arriving: join('arriving'),
    propagated: join('propagated'),
    absorbedByBias: join('absorbedByBias'),
    absorbedByStabiliser: join('absorbedByStabiliser'),
    arrivingMagnitude: join('arrivingMagnitude'),
    propagatedMagnitude: join('propagatedMagnitude')
  }
}
