import protobuf from 'protobufjs'
import { LrpError } from '../../../core/errors.js'

// The part of onnx.proto that a network for inference needs.
export const { root: ONNX } = protobuf.parse(
  `
  syntax = "proto3";
  message StringEntry { string key = 1; string value = 2; }
  message Dimension { int64 dim_value = 1; string dim_param = 2; }
  message Shape { repeated Dimension dim = 1; }
  message TensorType { int32 elem_type = 1; Shape shape = 2; }
  message Type { TensorType tensor_type = 1; }
  message ValueInfo { string name = 1; Type type = 2; }
  message Tensor {
    repeated int64 dims = 1; int32 data_type = 2; repeated float float_data = 4; repeated int32 int32_data = 5;
    repeated int64 int64_data = 7; string name = 8; bytes raw_data = 9; repeated double double_data = 10;
    repeated uint64 uint64_data = 11; repeated StringEntry external_data = 13; int32 data_location = 14;
  }
  message Attribute {
    string name = 1; float f = 2; int64 i = 3; bytes s = 4; Tensor t = 5; Graph g = 6; repeated float floats = 7;
    repeated int64 ints = 8; int32 type = 20; string ref_attr_name = 21;
  }
  message Node {
    repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4;
    repeated Attribute attribute = 5; string domain = 7; string overload = 8;
    repeated StringEntry metadata_props = 9;
  }
  message Graph {
    repeated Node node = 1; string name = 2; repeated Tensor initializer = 5; repeated ValueInfo input = 11;
    repeated ValueInfo output = 12;
  }
  message Opset { string domain = 1; int64 version = 2; }
  message Function {
    string name = 1; repeated string input = 4; repeated string output = 5; repeated string attribute = 6;
    repeated Node node = 7; repeated Opset opset_import = 9; string domain = 10; repeated Attribute attribute_proto = 11;
    string overload = 13;
  }
  message Model {
    int64 ir_version = 1; string producer_name = 2; Graph graph = 7; repeated Opset opset_import = 8;
    repeated Function functions = 25;
  }
`,
  { keepCase: true }
)

export interface OnnxTensor {
  dims: number[]
  data_type: number
  name: string
  float_data: number[]
  int32_data: number[]
  int64_data: number[]
  uint64_data: number[]
  double_data: number[]
  raw_data: Uint8Array
  external_data: { key: string; value: string }[]
  data_location: number
}

export interface OnnxAttribute {
  name: string
  f: number
  i: number
  s: Uint8Array
  t: OnnxTensor | null
  g: OnnxGraph | null
  floats: number[]
  ints: number[]
  type: number
  ref_attr_name: string
}

export interface OnnxNode {
  input: string[]
  output: string[]
  name: string
  op_type: string
  domain: string
  overload: string
  attribute: OnnxAttribute[]
  metadata_props: { key: string; value: string }[]
}

export interface ValueInfo {
  name: string
  type: {
    tensor_type: { elem_type: number; shape: { dim: { dim_value: number; dim_param: string }[] } | null } | null
  } | null
}

/** A part of a network: that of the file, or a branch of an `If`. */
export interface OnnxGraph {
  node: OnnxNode[]
  initializer: OnnxTensor[]
  input: ValueInfo[]
  output: ValueInfo[]
}

export interface Opset {
  domain: string
  version: number
}

/** An operator that the file defines by others. */
export interface OnnxFunction {
  name: string
  domain: string
  overload: string
  input: string[]
  output: string[]
  attribute_proto: OnnxAttribute[]
  node: OnnxNode[]
  opset_import: Opset[]
}

/** The version of the standard operators among the sets that a file or a function imports. */
export function standardOpset(imports: Opset[]): number | undefined {
  return imports.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version
}

/** @throws LrpError INVALID_FILE */
export function decode<T>(type: string, parts: Uint8Array[], path: string): T {
  try {
    const Type = ONNX.lookupType(type)
    const message = Type.decode(Buffer.concat(parts))
    return Type.toObject(message, { longs: Number, defaults: true, arrays: true }) as T
  } catch {
    throw invalid(path, 'it is truncated or damaged')
  }
}

export function invalid(path: string, why: string): LrpError {
  return new LrpError('INVALID_FILE', `${path} is not a valid ONNX file: ${why}`)
}
