#include "aten_schema.h"

#include <ATen/core/enum_tag.h>

#include <algorithm>
#include <array>

#include "../error.h"

namespace lrp {

namespace {

using c10::TypeKind;

bool begins(const std::string& text, const std::string& start) { return text.rfind(start, 0) == 0; }

bool ends(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

c10::TypePtr unwrapped(const c10::TypePtr& type) {
  return type->kind() == TypeKind::OptionalType ? type->expectRef<c10::OptionalType>().getElementType() : type;
}

bool gives_tensors(const c10::TypePtr& type) {
  if (type->kind() == TypeKind::ListType) {
    return type->expectRef<c10::ListType>().getElementType()->kind() == TypeKind::TensorType;
  }
  return type->kind() == TypeKind::TensorType;
}

/// Types of arguments that a graph can give.
bool can_be_given(const c10::TypePtr& type) {
  switch (type->kind()) {
    case TypeKind::TensorType:
    case TypeKind::IntType:
    case TypeKind::SymIntType:
    case TypeKind::FloatType:
    case TypeKind::SymFloatType:
    case TypeKind::BoolType:
    case TypeKind::SymBoolType:
    case TypeKind::NumberType:
    case TypeKind::StringType:
    case TypeKind::DeviceObjType:
      return true;
    case TypeKind::ListType:
      return can_be_given(unwrapped(type->expectRef<c10::ListType>().getElementType()));
    default:
      return false;
  }
}

/// Kernels of one backend, and tensors that are not plain arrays.
constexpr std::array<const char*, 13> kBackends{"mkldnn_",    "miopen_", "cudnn_",  "fbgemm_",   "quantize",
                                                "q_",         "fake_",   "sparse_", "to_sparse", "to_mkl",
                                                "dequantize", "nested_", "int_"};

}  // namespace

std::optional<std::string> why_forbidden(const c10::OperatorHandle& overload) {
  const auto& schema = overload.schema();
  const std::string name = schema.name().substr(schema.name().find("::") + 2);
  if (overload.hasTag(at::Tag::nondeterministic_seeded)) return "the operator draws random numbers";
  if (overload.hasTag(at::Tag::data_dependent_output))
    return "the operator's result depends on values in a way that graphs do not support";
  // An index of numbers has a fixed shape; AtenCall refuses masks.
  if (overload.hasTag(at::Tag::dynamic_output_shape) && name != "index")
    return "the shape of the operator's output depends on values";
  if (begins(name, "_") && !overload.hasTag(at::Tag::core)) return "the operator is private to PyTorch";
  if (ends(name, "_backward") || name.find("_backward_") != std::string::npos)
    return "the operator belongs to backward passes";
  if (name == "as_strided_scatter") return "PyTorch differentiates the operator wrongly";
  if (begins(name, "empty") || begins(name, "new_empty") || begins(name, "resize")) {
    return "the operator reads uninitialised memory";
  }
  if (std::any_of(kBackends.begin(), kBackends.end(), [&](const char* start) { return begins(name, start); }) ||
      name.find("quantize") != std::string::npos) {
    return "the operator works on tensors that are not plain arrays, or only on one backend";
  }
  for (const auto& argument : schema.arguments()) {
    if (argument.alias_info() && argument.alias_info()->isWrite()) return "the operator writes into its arguments";
    if (argument.name() == "filename") return "the operator reads files";
    if (!argument.default_value() && !can_be_given(unwrapped(argument.type()))) {
      return "a graph cannot pass the operator's argument '" + argument.name() + "'";
    }
  }
  const auto& returns = schema.returns();
  const bool tensors =
      std::all_of(returns.begin(), returns.end(), [](const auto& one) { return gives_tensors(one.type()); });
  if (returns.empty() || !tensors) return "the operator does not return tensors";
  return std::nullopt;
}

std::map<std::string, std::optional<std::string>> aten_overloads() {
  std::map<std::string, std::optional<std::string>> overloads;
  for (const auto& name : c10::Dispatcher::singleton().getAllOpNames()) {
    if (!begins(name.name, "aten::")) continue;
    const auto found = c10::Dispatcher::singleton().findSchema(name);
    if (found) overloads[c10::toString(name)] = why_forbidden(*found);
  }
  return overloads;
}

c10::OperatorHandle aten_overload(const std::string& name) {
  const size_t dot = name.find('.');
  const auto found = c10::Dispatcher::singleton().findSchema(
      {name.substr(0, dot), dot == std::string::npos ? "" : name.substr(dot + 1)});
  if (!begins(name, "aten::") || !found) throw Error("UNSUPPORTED", "PyTorch has no operator '" + name + "'");
  if (const auto reason = why_forbidden(*found)) {
    throw Error("UNSUPPORTED", "a graph cannot call '" + name + "': " + *reason);
  }
  return *found;
}

}  // namespace lrp
