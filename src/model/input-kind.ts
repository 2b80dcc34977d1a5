import type { Graph } from '../core/graph.js'
import { sizeOf } from '../core/tensor.js'
import { recordOf } from '../native/op-record.js'

export const INPUT_KINDS = ['image', 'signal', 'volume', 'table', 'tokens', 'array'] as const
/**
 * What one input is: `image` [channels, height, width], `signal` [channels, length], `volume` [channels, depth, height,
 * width], `table` (one row of numbers), `tokens` (numbers of words), or `array` for any other shape.
 */
export type InputKind = (typeof INPUT_KINDS)[number]

const PLACES: Partial<Record<InputKind, string>> = { image: 'pixel', volume: 'voxel', table: 'column', tokens: 'token' }

/** What people call one place of an input: what has one relevance. */
export function placeNoun(kind: InputKind): string {
  return PLACES[kind] ?? 'value'
}

const NOUNS: Record<InputKind, string> = {
  image: 'image',
  signal: 'signal',
  volume: 'volume',
  table: 'row',
  tokens: 'text',
  array: 'input'
}

/** What people call one input. */
export function nounOf(kind: InputKind): string {
  return NOUNS[kind]
}

const BY_AXES: Record<number, InputKind> = { 1: 'table', 2: 'signal', 3: 'image', 4: 'volume' }

export function inputKind(graph: Graph): InputKind {
  return tokenLookups(graph).length > 0 ? 'tokens' : kindByAxes(graph.inputShape.length - 1)
}

/** What one input with this number of axes is. */
export function kindByAxes(axes: number): InputKind {
  return BY_AXES[axes] ?? 'array'
}

/** One input with its channels in front: [channels, ...places]; a row or a text has one channel. */
export function placesOf(shape: readonly number[], kind: InputKind): number[] {
  return kind === 'table' || kind === 'tokens' || kind === 'array' ? [1, sizeOf(shape)] : [...shape]
}

/** The same as planes [channels, height, width]: a signal has height 1, the slices of a volume lie below each other. */
export function planesOf(places: readonly number[]): [channels: number, height: number, width: number] {
  const [channels = 1, ...axes] = places
  return [channels, sizeOf(axes.slice(0, -1)), axes.at(-1) ?? 1]
}

/** Nodes that look up a row of a table for every token of the input: their outputs are where relevance ends. */
export function tokenLookups({ nodes }: Graph): string[] {
  const tokens = new Set(['input'])
  const fromInput = new Set(['input'])
  const found: string[] = []
  for (const { name, op, inputs } of nodes) {
    const { reach, looksUp } = recordOf({ op })
    const depending = inputs.filter((input) => fromInput.has(input))
    if (depending.length > 0) fromInput.add(name)
    const ofTokens = depending.length > 0 && depending.every((input) => tokens.has(input))
    if (!ofTokens) continue
    if (reach === 'place' || reach === 'order') tokens.add(name)
    if (looksUp && depending.length === 1 && inputs.at(-1) === depending[0]) found.push(name)
  }
  return found
}
