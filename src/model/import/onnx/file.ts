import { LrpError } from '../../../core/errors.js'
import type { RawTensor } from '../../../core/tensor.js'
import { readFrom, type FileRange } from '../../../core/file-range.js'
import {
  decode,
  invalid,
  standardOpset,
  type OnnxFunction,
  type OnnxNode,
  type Opset,
  type ValueInfo
} from './proto.js'
import { readInitialiser } from './tensor-proto.js'
import { readField, wireFields } from './wire.js'

const LARGEST_GRAPH = 256 << 20

export interface OnnxFile {
  path: string
  opset: number
  nodes: OnnxNode[]
  inputs: ValueInfo[]
  outputs: ValueInfo[]
  functions: OnnxFunction[]
  tensors: Map<string, RawTensor>
  /** Weights of a kind that cannot be read, with the reason: only a node that needs one refuses the file. */
  unreadable: Map<string, LrpError>
}

/**
 * Reads an ONNX file: the graph decoded, every weight in a buffer of its own (memory peaks at the size of the file).
 * Weights in other files of its folder are read too; files elsewhere are refused.
 * @throws LrpError INVALID_FILE, UNSUPPORTED, NOT_FOUND, IO
 */
export function readOnnx(path: string): Promise<OnnxFile> {
  return readFrom(path, readModel)
}

async function readModel(range: FileRange): Promise<OnnxFile> {
  const { path } = range
  const around: Uint8Array[] = []
  const graph: Uint8Array[] = []
  const tensors = new Map<string, RawTensor>()
  const unreadable = new Map<string, LrpError>()
  const beside = new Map<string, number>()
  let held = 0
  const hold = (length: number) => {
    held += length
    if (held > LARGEST_GRAPH) throw invalid(path, 'its graph is too large')
  }
  for await (const field of wireFields(range)) {
    if (field.number === 8 || field.number === 25) {
      hold(field.end - field.start)
      around.push(await readField(range, field))
    }
    if (field.number !== 7 || !field.isDelimited) continue
    for await (const part of wireFields(field.content)) {
      if (part.number === 15) {
        unreadable.set('', new LrpError('UNSUPPORTED', `${path} contains sparse weights, which are not supported`))
      } else if (part.number === 5 && part.isDelimited) {
        const found = await readInitialiser(part.content, beside)
        const { name } = found
        if (tensors.has(name) || unreadable.has(name)) throw invalid(path, `it contains the weight '${name}' twice`)
        if ('tensor' in found) tensors.set(name, found.tensor)
        else unreadable.set(name, found.unreadable)
      } else if ([1, 11, 12].includes(part.number)) {
        hold(part.end - part.start)
        graph.push(await readField(field.content, part))
      }
    }
  }
  const decoded = decode<{ node: OnnxNode[]; input: ValueInfo[]; output: ValueInfo[] }>('Graph', graph, path)
  const model = decode<{ opset_import: Opset[]; functions: OnnxFunction[] }>('Model', around, path)
  const opset = standardOpset(model.opset_import)
  if (opset === undefined || decoded.node.length === 0) throw invalid(path, 'it contains no graph')
  const { node: nodes, input: inputs, output: outputs } = decoded
  return { path, opset, nodes, inputs, outputs, functions: model.functions, tensors, unreadable }
}
