import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { describe } from '@jest/globals'
import { packageRoot } from '../src/core/paths.js'
import type { Graph, GraphNode } from '../src/core/graph.js'
import { readSafetensors } from '../src/model/import/safetensors.js'
import type { RawTensor, StateDict, Tensor } from '../src/core/tensor.js'

const root = join(packageRoot, '..', 'shared')

/** A path below ../shared: reference values and data that are not part of the project. */
export function shared(...parts: string[]): string {
  return join(root, ...parts)
}

/**
 * A path below test/golden/values.br (scripts/make-golden-bundle.mjs): reference values that are small enough to live here.
 * They are unpacked once into the system's folder for temporary files.
 */
export function golden(...parts: string[]): string {
  unpacked ??= unpackOnce(readFileSync(join(packageRoot, 'test', 'golden', 'values.br')))
  return join(unpacked, ...parts)
}

let unpacked: string | undefined

function unpackOnce(bundle: Buffer): string {
  const folder = join(tmpdir(), `lrp-golden-${createHash('sha256').update(bundle).digest('hex').slice(0, 16)}`)
  if (!existsSync(folder)) unpack(brotliDecompressSync(bundle), folder)
  return folder
}

function unpack(bytes: Buffer, folder: string): void {
  const partial = mkdtempSync(`${folder}-`)
  let from = bytes.indexOf('\n') + 1
  for (const [name, size] of JSON.parse(bytes.subarray(0, from).toString()) as [string, number][]) {
    mkdirSync(dirname(join(partial, name)), { recursive: true })
    writeFileSync(join(partial, name), bytes.subarray(from, from + size))
    from += size
  }
  try {
    renameSync(partial, folder)
  } catch {
    rmSync(partial, { recursive: true }) // another process was first
  }
}

/** Tests that read ../shared; skipped, saying so, where it is absent. */
export function describeShared(name: string, tests: () => void): void {
  if (existsSync(root)) describe(name, tests)
  else describe.skip(`${name} (../shared is absent)`, tests)
}

export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T
}

/** Values of a raw tensor as numbers. */
export function values(tensor: RawTensor | Tensor): ArrayLike<number> {
  if (!('dtype' in tensor)) return tensor.data
  const { data, dtype } = tensor
  const buffer = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)
  if (dtype === 'f64') return new Float64Array(buffer)
  if (dtype === 'i64') return Array.from(new BigInt64Array(buffer), Number)
  if (dtype === 'u8' || dtype === 'bool') return new Uint8Array(buffer)
  return new Float32Array(buffer)
}

export function floats(tensor: RawTensor): Tensor {
  return { data: Float32Array.from(values(tensor)), shape: tensor.shape }
}

/** max|a - b| / max|b|, as the README of the reference values defines it; NaN where shapes differ. */
export function relativeError(a: RawTensor | Tensor, b: RawTensor | Tensor): number {
  const [x, y] = [values(a), values(b)]
  if (x.length !== y.length) return NaN
  let [difference, largest] = [0, 0]
  for (let i = 0; i < y.length; i++) {
    const d = Math.abs(x[i]! - y[i]!)
    if (!(d <= difference)) difference = d
    largest = Math.max(largest, Math.abs(y[i]!))
  }
  return difference / largest
}

interface GoldenNode {
  name: string
  op: string
  inputs: string[]
  attrs: GraphNode['attributes']
  parameters?: string
}

/** A model of the reference values as one of ours. */
export async function goldenModel(folder: string): Promise<{ graph: Graph; weights: StateDict; tensors: StateDict }> {
  const json = readJson<{ input_shape: (number | null)[]; nodes: GoldenNode[]; outputs: string[] }>(
    join(folder, 'model.json')
  )
  const weights = await readSafetensors(join(folder, 'weights.safetensors'))
  const roles = ['weight', 'bias', 'running_mean', 'running_var']
  const nodes = json.nodes.map(({ name, op, inputs, attrs, parameters: prefix }): GraphNode => {
    const { training: _, ...attributes } = attrs
    const parameters = Object.fromEntries(
      roles
        .filter((role) => prefix !== undefined && weights.has(`${prefix}.${role}`))
        .map((role) => [role, `${prefix}.${role}`])
    )
    return { name, op, inputs, attributes, parameters }
  })
  const tensors = await readSafetensors(join(folder, 'tensors.safetensors'))
  return { graph: { inputShape: json.input_shape, nodes, output: json.outputs[0]! }, weights, tensors }
}
