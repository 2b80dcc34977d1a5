#pragma once
#include <ATen/core/Tensor.h>
#include <napi.h>

#include <map>
#include <string>
#include <vector>

#include "../graph/graph.h"
#include "path.h"

// JavaScript values to C++ and back. Everything here runs on JavaScript's thread and computes nothing.
namespace lrp::node {

/// { data: Uint8Array | Float32Array | ..., shape, dtype? } as a tensor over the same memory. The caller keeps the
/// JavaScript value alive as long as the tensor. Throws INVALID_ARGUMENT naming `path`.
Tensor tensor_over(const Napi::Value& value, const Path& path);
/// The same, copied.
Tensor tensor_copy(const Napi::Value& value, const Path& path);

/// A float32 tensor as { data: Float32Array, shape } over the tensor's own memory if it is large, without a copy.
Napi::Object float_tensor(Napi::Env env, const Tensor& tensor);
/// Any tensor as { dtype, shape, data: Uint8Array } over the tensor's own memory.
Napi::Object raw_tensor(Napi::Env env, const Tensor& tensor);
/// The same of a tensor whose values lie in JavaScript's memory, from byte `start` on.
Napi::Object raw_tensor(Napi::Env env, const Tensor& tensor, const Napi::ArrayBuffer& memory, size_t start);
Napi::Value int32_array(Napi::Env env, const Tensor& tensor);
Napi::Value float64_array(Napi::Env env, const Tensor& tensor);
/// The same tensors over memory of their own: JavaScript may change its arrays while a job runs.
std::map<std::string, Tensor> copies(std::map<std::string, Tensor> tensors);
Napi::Object float_tensors(Napi::Env env, const std::map<std::string, Tensor>& tensors);

Attributes attributes_from(const Napi::Value& value);
std::vector<int64_t> integers_from(const Napi::Value& value, const Path& path);

}  // namespace lrp::node
