#include "aten_record.h"

#include <ATen/core/enum_tag.h>

#include <algorithm>
#include <optional>

#include "aten_exceptions.h"

namespace lrp {

namespace {

using c10::Argument;
using c10::OperatorHandle;
using Sign = OpRecord::Sign;

/// How many tensors an argument holds at least; a list counts as two.
size_t tensors_in(const Argument& argument) {
  const auto type = argument.type()->kind() == c10::TypeKind::OptionalType
                        ? argument.type()->expectRef<c10::OptionalType>().getElementType()
                        : argument.type();
  if (type->kind() == c10::TypeKind::ListType) {
    return type->expectRef<c10::ListType>().getElementType()->kind() == c10::TypeKind::TensorType ? 2 : 0;
  }
  return type->kind() == c10::TypeKind::TensorType ? 1 : 0;
}

bool is_view(const OperatorHandle& overload) {
  const auto& arguments = overload.schema().arguments();
  return std::any_of(arguments.begin(), arguments.end(), [](const Argument& argument) {
    return argument.alias_info() && !argument.alias_info()->isWrite();
  });
}

std::string name_of(const OperatorHandle& overload) {
  return overload.schema().name().substr(overload.schema().name().find("::") + 2);
}

std::optional<OperatorHandle> overload_of(const std::string& name, const std::string& wanted) {
  for (const std::string& each : {wanted, std::string(), std::string("Tensor")}) {
    if (const auto found = c10::Dispatcher::singleton().findSchema({"aten::" + name, each})) return found;
  }
  return std::nullopt;
}

/// The overload by which LRP knows a function: that of its usual name, and for a copy of a view the view.
OperatorHandle canonical(const OperatorHandle& overload) {
  const std::string name = name_of(overload);
  const std::string& wanted = overload.schema().overload_name();
  const std::string copy = "_copy";
  if (name.size() > copy.size() && name.compare(name.size() - copy.size(), copy.size(), copy) == 0) {
    const auto view = overload_of(name.substr(0, name.size() - copy.size()), wanted);
    if (view && is_view(*view)) return *view;
  }
  const std::string usual = canonical_name(name);
  return usual == name ? overload : overload_of(usual, wanted).value_or(overload);
}

OpRecord from_schema(const OperatorHandle& overload, size_t tensors, bool pointwise) {
  if (tensors == 0) return {"constant", "gradient", Sign::kAny, true, "exact"};
  if (const AtenException* found = aten_exception(name_of(overload))) return tensors > 1 ? found->several : found->one;
  if (is_view(overload)) return {"move", "gradient", Sign::kKeeps, true, "exact"};
  if (!pointwise) return {"other", "", Sign::kAny, false, "no"};
  if (tensors == 1) return {"activation", "pass", Sign::kAny, false, "exact"};
  return {"other", "gradient", Sign::kAny, false, "no"};
}

}  // namespace

OpRecord aten_record(const OperatorHandle& called) {
  const OperatorHandle overload = canonical(called);
  size_t tensors = 0;
  for (const auto& argument : called.schema().arguments()) tensors += tensors_in(argument);
  const bool pointwise = overload.hasTag(at::Tag::pointwise) || is_pointwise_without_tag(name_of(overload));
  OpRecord record = from_schema(overload, tensors, pointwise);
  record.called = true;
  const bool rounds = called.schema().overload_name().find("mode") != std::string::npos;
  record.homogeneous = record.homogeneous && !rounds;
  if (pointwise && record.reach == OpRecord::kEverywhere) record.reach = OpRecord::kPlace;
  return record;
}

}  // namespace lrp
