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

/// A function as LRP knows it: by its usual name, and a copy of a view as the view.
struct Known {
  std::string name;
  OperatorHandle overload;
};

Known known_as(const OperatorHandle& called) {
  const std::string name = name_of(called), usual = canonical_name(name), copy = "_copy";
  const std::string& wanted = called.schema().overload_name();
  if (name.size() > copy.size() && name.compare(name.size() - copy.size(), copy.size(), copy) == 0) {
    const std::string base = name.substr(0, name.size() - copy.size());
    const auto view = overload_of(base, wanted);
    if (view && is_view(*view)) return {base, *view};
  }
  return {usual, usual == name ? called : overload_of(usual, wanted).value_or(called)};
}

OpRecord from_schema(const Known& known, size_t tensors, bool pointwise) {
  if (tensors == 0) return {"constant", "gradient", Sign::kAny, true, "exact"};
  if (const AtenException* found = aten_exception(known.name)) return tensors > 1 ? found->several : found->one;
  if (is_view(known.overload)) return {"move", "gradient", Sign::kKeeps, true, "exact"};
  if (!pointwise) return {"other", "", Sign::kAny, false, "no"};
  if (tensors == 1) return {"activation", "pass", Sign::kAny, false, "exact"};
  return {"other", "gradient", Sign::kAny, false, "no"};
}

}  // namespace

OpRecord aten_record(const OperatorHandle& called) {
  const Known known = known_as(called);
  size_t tensors = 0;
  for (const auto& argument : called.schema().arguments()) tensors += tensors_in(argument);
  const bool pointwise = known.overload.hasTag(at::Tag::pointwise) || is_pointwise_without_tag(known.name);
  OpRecord record = from_schema(known, tensors, pointwise);
  record.called = true;
  const bool rounds = called.schema().overload_name().find("mode") != std::string::npos;
  record.homogeneous = record.homogeneous && !rounds;
  if (pointwise && record.reach == OpRecord::kEverywhere) record.reach = OpRecord::kPlace;
  return record;
}

}  // namespace lrp
