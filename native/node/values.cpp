#include "values.h"

#include <ATen/ATen.h>

#include <cstring>

#include "../error.h"

namespace lrp::node {

namespace {

const std::map<std::string, at::ScalarType>& dtypes() {
  static const std::map<std::string, at::ScalarType> table{
      {"f64", at::kDouble}, {"f32", at::kFloat}, {"f16", at::kHalf}, {"bf16", at::kBFloat16}, {"i64", at::kLong},
      {"i32", at::kInt},    {"i16", at::kShort}, {"i8", at::kChar},  {"u8", at::kByte},       {"bool", at::kBool}};
  return table;
}

at::ScalarType dtype_of(const Napi::Object& object, const Napi::TypedArray& data, const Path& path) {
  // only bytes need to be told what they hold
  if (data.TypedArrayType() == napi_uint8_array && object.Has("dtype") && object.Get("dtype").IsString()) {
    const std::string name = object.Get("dtype").As<Napi::String>();
    const auto found = dtypes().find(name);
    if (found == dtypes().end())
      throw Error("INVALID_ARGUMENT", path.text() + " has the unknown element type '" + name + "'");
    return found->second;
  }
  switch (data.TypedArrayType()) {
    case napi_float32_array:
      return at::kFloat;
    case napi_float64_array:
      return at::kDouble;
    case napi_int32_array:
      return at::kInt;
    case napi_bigint64_array:
      return at::kLong;
    case napi_uint8_array:
      return at::kByte;
    default:
      throw Error("INVALID_ARGUMENT", path.text() + " contains a typed array of an unsupported type");
  }
}

/// Fewer bytes are copied sooner than handed over.
constexpr size_t kFewBytes = 4096;

/// Hands the memory of a contiguous CPU tensor to JavaScript; the tensor lives until the buffer is collected.
Napi::ArrayBuffer buffer_over(Napi::Env env, const Tensor& tensor) {
  const auto bytes = static_cast<size_t>(tensor.numel()) * tensor.element_size();
  if (bytes <= kFewBytes) {
    auto buffer = Napi::ArrayBuffer::New(env, bytes);
    if (bytes > 0) std::memcpy(buffer.Data(), tensor.const_data_ptr(), bytes);
    return buffer;
  }
  auto* kept = new Tensor(tensor);
  return Napi::ArrayBuffer::New(
      env, kept->data_ptr(), bytes, [](Napi::Env, void*, Tensor* held) { delete held; }, kept);
}

Tensor on_cpu(const Tensor& tensor, at::ScalarType dtype) {
  if (tensor.is_cpu() && tensor.scalar_type() == dtype && tensor.is_contiguous()) return tensor;
  return tensor.detach().to(at::kCPU, dtype).contiguous();
}

Napi::Array shape_of(Napi::Env env, const Tensor& tensor) {
  auto shape = Napi::Array::New(env, static_cast<size_t>(tensor.dim()));
  for (int64_t i = 0; i < tensor.dim(); ++i) {
    shape[static_cast<uint32_t>(i)] = Napi::Number::New(env, static_cast<double>(tensor.size(i)));
  }
  return shape;
}

Attribute attribute_from(const std::string& name, const Napi::Value& value) {
  if (value.IsBoolean()) return value.As<Napi::Boolean>().Value();
  if (value.IsNumber()) return value.As<Napi::Number>().DoubleValue();
  if (value.IsString()) return std::string(value.As<Napi::String>());
  if (value.IsArray()) {
    const auto array = value.As<Napi::Array>();
    std::vector<double> numbers;
    std::vector<std::string> texts;  // of a list that holds strings, such as sizes that depend on the input
    for (uint32_t i = 0; i < array.Length(); ++i) {
      const Napi::Value entry = array[i];
      if (entry.IsBoolean()) {
        numbers.push_back(entry.As<Napi::Boolean>().Value() ? 1 : 0);
      } else if (entry.IsNumber()) {
        numbers.push_back(entry.As<Napi::Number>().DoubleValue());
      } else if (!entry.IsString()) {
        throw Error("INVALID_ARGUMENT", "attribute '" + name + "' must contain numbers or strings");
      }
      texts.push_back(entry.ToString());
    }
    if (numbers.size() < texts.size()) return texts;
    return numbers;
  }
  throw Error("INVALID_ARGUMENT", "attribute '" + name + "' must be a number, a list, a string, true or false");
}

}  // namespace

Tensor tensor_over(const Napi::Value& value, const Path& path) {
  if (!value.IsObject() || !value.As<Napi::Object>().Get("data").IsTypedArray()) {
    throw Error("INVALID_ARGUMENT", path.text() + " must be an object with data (a typed array) and shape");
  }
  const auto object = value.As<Napi::Object>();
  const auto data = object.Get("data").As<Napi::TypedArray>();
  const auto dtype = dtype_of(object, data, path);
  const auto shape = integers_from(object.Get("shape"), Path(path, "shape"));
  double elements = 1;
  for (const int64_t axis : shape) {
    if (axis < 0) throw Error("INVALID_ARGUMENT", path.text() + " has a negative axis");
    elements *= static_cast<double>(axis);
  }
  if (elements * static_cast<double>(c10::elementSize(dtype)) != static_cast<double>(data.ByteLength())) {
    throw Error("INVALID_ARGUMENT", path.text() + " has " + std::to_string(data.ByteLength()) +
                                        " bytes, which do not match its shape " + c10::str(at::IntArrayRef(shape)));
  }
  if (elements == 0) return at::empty(shape, at::dtype(dtype));
  auto* start = static_cast<uint8_t*>(data.ArrayBuffer().Data()) + data.ByteOffset();
  Tensor tensor = at::from_blob(start, shape, at::dtype(dtype));
  const bool aligned = reinterpret_cast<uintptr_t>(start) % c10::elementSize(dtype) == 0;
  if (aligned) return tensor;
  Tensor copy = at::empty(shape, at::dtype(dtype));
  std::memcpy(copy.data_ptr(), start, data.ByteLength());
  return copy;
}

Tensor tensor_copy(const Napi::Value& value, const Path& path) { return tensor_over(value, path).clone(); }

Napi::Object float_tensor(Napi::Env env, const Tensor& tensor) {
  const Tensor ready = on_cpu(tensor, at::kFloat);
  auto object = Napi::Object::New(env);
  object["data"] = Napi::Float32Array::New(env, static_cast<size_t>(ready.numel()), buffer_over(env, ready), 0);
  object["shape"] = shape_of(env, tensor);
  return object;
}

Napi::Object raw_tensor(Napi::Env env, const Tensor& tensor) {
  const Tensor ready = on_cpu(tensor, tensor.scalar_type());
  return raw_tensor(env, ready, buffer_over(env, ready), 0);
}

Napi::Object raw_tensor(Napi::Env env, const Tensor& tensor, const Napi::ArrayBuffer& memory, size_t start) {
  auto object = Napi::Object::New(env);
  for (const auto& [name, dtype] : dtypes()) {
    if (dtype == tensor.scalar_type()) object["dtype"] = Napi::String::New(env, name);
  }
  const auto bytes = static_cast<size_t>(tensor.numel()) * tensor.element_size();
  object["data"] = Napi::Uint8Array::New(env, bytes, memory, start);
  object["shape"] = shape_of(env, tensor);
  return object;
}

Napi::Value int32_array(Napi::Env env, const Tensor& tensor) {
  const Tensor ready = on_cpu(tensor, at::kInt);
  return Napi::Int32Array::New(env, static_cast<size_t>(ready.numel()), buffer_over(env, ready), 0);
}

Napi::Value float64_array(Napi::Env env, const Tensor& tensor) {
  const Tensor ready = on_cpu(tensor, at::kDouble);
  return Napi::Float64Array::New(env, static_cast<size_t>(ready.numel()), buffer_over(env, ready), 0);
}

std::map<std::string, Tensor> copies(std::map<std::string, Tensor> tensors) {
  for (auto& [name, tensor] : tensors) tensor = tensor.clone();
  return tensors;
}

Napi::Object float_tensors(Napi::Env env, const std::map<std::string, Tensor>& tensors) {
  auto object = Napi::Object::New(env);
  for (const auto& [name, tensor] : tensors) object[name] = float_tensor(env, tensor);
  return object;
}

Attributes attributes_from(const Napi::Value& value) {
  std::map<std::string, Attribute> result;
  if (!value.IsObject()) return Attributes();
  const auto object = value.As<Napi::Object>();
  const Napi::Array keys = object.GetPropertyNames();
  for (uint32_t i = 0; i < keys.Length(); ++i) {
    const std::string key = keys.Get(i).As<Napi::String>();
    const Napi::Value entry = object.Get(key);
    if (!entry.IsUndefined() && !entry.IsNull()) result[key] = attribute_from(key, entry);
  }
  return Attributes(std::move(result));
}

std::vector<int64_t> integers_from(const Napi::Value& value, const Path& path) {
  if (!value.IsArray()) throw Error("INVALID_ARGUMENT", path.text() + " must be a list of whole numbers");
  const auto array = value.As<Napi::Array>();
  std::vector<int64_t> result;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value entry = array[i];
    if (!entry.IsNumber()) throw Error("INVALID_ARGUMENT", path.text() + " must be a list of whole numbers");
    result.push_back(entry.As<Napi::Number>().Int64Value());
  }
  return result;
}

}  // namespace lrp::node
