#pragma once
#include <napi.h>

namespace lrp::node {

/// foldConstants(graph, tensors, keep): see src/native/addon.ts.
Napi::Value fold_constants(const Napi::CallbackInfo& info);

/// inferShapes(graph, tensors, inputShape): facts of every node before it runs (graph/infer_shapes.h).
Napi::Value infer_shapes(const Napi::CallbackInfo& info);

/// outputShape(node, inputs, parameters): the shape of one node's output, from the shapes of its inputs and parameters.
Napi::Value output_shape(const Napi::CallbackInfo& info);

/// atenOverloads(): every overload by name, null or why a graph must not call it.
Napi::Value aten_overloads(const Napi::CallbackInfo& info);

/// atenSchema(op, overload): its arguments, or null where PyTorch has no such overload.
Napi::Value aten_schema(const Napi::CallbackInfo& info);

/// opRecord(name): what is known of an op (native/ops/op_record.h).
Napi::Value op_record(const Napi::CallbackInfo& info);
/// testing.atenTables(): the operators that the tables of native/ops/aten_exceptions.cpp name.
Napi::Value aten_tables(const Napi::CallbackInfo& info);

}  // namespace lrp::node
