#include <ATen/ATen.h>
#include <ATen/core/stack.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>

#include "../error.h"
#include "aten_schema.h"
#include "families.h"
#include "size_expression.h"
#include "size_limit.h"

namespace lrp {

namespace {

using c10::IValue;
using c10::TypeKind;

const std::map<std::string, at::ScalarType>& dtypes() {
  static const std::map<std::string, at::ScalarType> table{
      {"float64", at::kDouble}, {"float32", at::kFloat}, {"float16", at::kHalf}, {"bfloat16", at::kBFloat16},
      {"int64", at::kLong},     {"int32", at::kInt},     {"int16", at::kShort},  {"int8", at::kChar},
      {"uint8", at::kByte},     {"bool", at::kBool}};
  return table;
}

/// Where the value of one argument of the schema comes from in every forward pass.
using Source = std::function<IValue(const std::vector<Tensor>& inputs, const Pass& pass)>;

Source always(IValue value) {
  return [value = std::move(value)](const std::vector<Tensor>&, const Pass&) { return value; };
}

class ArgumentReader {
 public:
  ArgumentReader(const c10::Argument& argument, const OpArguments& node) : argument_(argument), node_(node) {
    const Attributes& at = node.attributes;
    if (at.has("arguments")) {
      const auto names = at.texts("arguments");
      for (size_t i = 0; i < names.size(); ++i) note(names[i], i);
    }
  }

  bool reads_inputs() const { return !inputs_.empty(); }

  Source read() const {
    const bool is_optional = argument_.type()->kind() == TypeKind::OptionalType;
    const auto type =
        is_optional ? argument_.type()->expectRef<c10::OptionalType>().getElementType() : argument_.type();
    const Attributes& at = node_.attributes;
    const std::string& name = argument_.name();
    check_given_once(*type);
    if (type->kind() == TypeKind::DeviceObjType) {
      return [](const std::vector<Tensor>&, const Pass& pass) { return IValue(pass.device); };
    }
    if (type->kind() == TypeKind::TensorType) {
      if (reads_inputs()) return input(inputs_.begin()->second);
      const Tensor parameter = node_.optional_parameter(name);
      if (parameter.defined()) return always(parameter);
    } else if (is_list_of_tensors(*type)) {
      if (reads_inputs()) return list(*type);
    } else if (at.has(name)) {
      return literal(*type);
    }
    if (argument_.default_value()) return always(*argument_.default_value());
    if (is_optional) return always(IValue());
    throw Error("INVALID_ARGUMENT", "the operator needs the argument '" + name + "'");
  }

 private:
  /// What a node says of an argument and this argument cannot take would be ignored. Throws INVALID_ARGUMENT.
  void check_given_once(const c10::Type& type) const {
    const std::string name = "the argument '" + argument_.name() + "'";
    const bool is_list = is_list_of_tensors(type);
    const bool is_tensor = is_list || type.kind() == TypeKind::TensorType;
    const bool is_attribute = node_.attributes.has(argument_.name());
    const bool is_parameter = node_.parameters.count(argument_.name()) > 0;
    if (type.kind() == TypeKind::DeviceObjType && is_attribute) throw Error("INVALID_ARGUMENT", set_by_the_model());
    if (is_attribute && is_tensor) throw Error("INVALID_ARGUMENT", name + " is a tensor, so it cannot be an attribute");
    if ((is_parameter || reads_inputs()) && !is_tensor) throw Error("INVALID_ARGUMENT", name + " is not a tensor");
    if (is_parameter && is_list) throw Error("INVALID_ARGUMENT", name + " is a list, so it cannot be a parameter");
    const size_t given = inputs_.size() + (is_parameter ? 1 : 0);
    if (!is_list && given > 1) throw Error("INVALID_ARGUMENT", name + " is given more than once");
  }

  std::string set_by_the_model() const {
    return "a graph cannot pass the argument '" + argument_.name() + "': the model sets it";
  }

  static bool is_list_of_tensors(const c10::Type& type) {
    if (type.kind() != TypeKind::ListType) return false;
    auto element = type.expectRef<c10::ListType>().getElementType();
    if (element->kind() == TypeKind::OptionalType) element = element->expectRef<c10::OptionalType>().getElementType();
    return element->kind() == TypeKind::TensorType;
  }

  /// `self`, one of several `tensors`, or `indices.1` for a place in a list with holes.
  void note(const std::string& entry, size_t input) {
    const size_t dot = entry.find('.');
    if (entry.substr(0, dot) != argument_.name()) return;
    const size_t place = dot == std::string::npos ? inputs_.size() : std::stoul(entry.substr(dot + 1));
    constexpr size_t kLongestList = 1 << 16;
    if (place >= kLongestList || !inputs_.emplace(place, input).second) {
      throw Error("INVALID_ARGUMENT",
                  "attribute 'arguments' contains '" + entry + "', whose position is invalid or already taken");
    }
  }

  static Source input(size_t index) {
    return [index](const std::vector<Tensor>& inputs, const Pass&) { return IValue(inputs.at(index)); };
  }

  Source list(const c10::Type& type) const {
    const bool has_holes = type.expectRef<c10::ListType>().getElementType()->kind() == TypeKind::OptionalType;
    const size_t size = inputs_.rbegin()->first + 1;
    if (!has_holes && size != inputs_.size()) {
      throw Error("INVALID_ARGUMENT", "attribute 'arguments' leaves gaps in the list '" + argument_.name() +
                                          "': number its entries from 0");
    }
    return [places = inputs_, has_holes, size](const std::vector<Tensor>& inputs, const Pass&) {
      if (!has_holes) {
        c10::List<Tensor> list;
        for (const auto& [place, input] : places) list.push_back(inputs.at(input));
        return IValue(list);
      }
      c10::List<std::optional<Tensor>> list;
      for (size_t place = 0; place < size; ++place) {
        const auto found = places.find(place);
        list.push_back(found == places.end() ? std::optional<Tensor>()
                                             : std::optional<Tensor>(inputs.at(found->second)));
        if (found == places.end()) continue;
        const auto dtype = inputs.at(found->second).scalar_type();
        if (dtype == at::kBool || dtype == at::kByte) {
          throw Error("UNSUPPORTED", "the node indexes by a mask, so the shape of its output depends on values");
        }
      }
      return IValue(list);
    };
  }

  /// Whether a text is a size that depends on the input: it names an axis of it.
  static bool names_axis(const std::string& text) {
    const auto is_axis = [](char before, char after) {
      return before == 'i' && std::isdigit(static_cast<unsigned char>(after));
    };
    return std::adjacent_find(text.begin(), text.end(), is_axis) != text.end();
  }

  Source literal(const c10::Type& type) const {
    const std::string& name = argument_.name();
    const Attributes& at = node_.attributes;
    switch (argument_.real_type()->kind() == TypeKind::OptionalType
                ? argument_.real_type()->expectRef<c10::OptionalType>().getElementType()->kind()
                : argument_.real_type()->kind()) {
      case TypeKind::ScalarTypeType: {
        const auto found = dtypes().find(at.text(name, ""));
        if (found == dtypes().end()) {
          throw Error("UNSUPPORTED", "the number type '" + at.text(name, "") + "' is not supported");
        }
        // float32 in a graph is the type that the model computes in
        if (found->second == at::kFloat) {
          return [](const std::vector<Tensor>&, const Pass& pass) { return IValue(static_cast<int64_t>(pass.dtype)); };
        }
        return always(static_cast<int64_t>(found->second));
      }
      case TypeKind::LayoutType:
      case TypeKind::MemoryFormatType:
        throw Error("INVALID_ARGUMENT", set_by_the_model());
      default:
        break;
    }
    switch (type.kind()) {
      case TypeKind::IntType:
      case TypeKind::SymIntType:
        return [size = size_of(name)](const std::vector<Tensor>&, const Pass& pass) { return IValue(size(pass)); };
      case TypeKind::FloatType:
      case TypeKind::SymFloatType:
        return always(at.number(name));
      case TypeKind::BoolType:
      case TypeKind::SymBoolType:
        return always(at.flag(name, false));
      case TypeKind::StringType:
        return always(at.text(name, ""));
      case TypeKind::NumberType:
        if (names_axis(at.is_text(name) ? at.text(name, "") : "")) {
          return [size = size_of(name)](const std::vector<Tensor>&, const Pass& pass) { return IValue(size(pass)); };
        }
        return always(at.scalar(name));
      case TypeKind::ListType:
        return list_of_literals(type.expectRef<c10::ListType>().getElementType()->kind());
      default:
        throw Error("UNSUPPORTED", "a graph cannot pass the argument '" + name + "'");
    }
  }

  Source list_of_literals(TypeKind kind) const {
    const std::string& name = argument_.name();
    if (kind == TypeKind::IntType || kind == TypeKind::SymIntType) {
      auto sizes = sizes_of(name);
      if (argument_.N() && sizes.size() == 1) sizes.resize(static_cast<size_t>(*argument_.N()), sizes[0]);
      return [sizes](const std::vector<Tensor>&, const Pass& pass) {
        std::vector<int64_t> values;
        for (const auto& size : sizes) values.push_back(size(pass));
        return IValue(values);
      };
    }
    if (kind == TypeKind::BoolType) {
      c10::List<bool> flags;
      for (const double one : node_.attributes.numbers(name)) flags.push_back(one != 0);
      return always(flags);
    }
    if (kind == TypeKind::FloatType) return always(node_.attributes.numbers(name));
    throw Error("UNSUPPORTED", "a graph cannot pass the argument '" + name + "'");
  }

  using Size = std::function<int64_t(const Pass&)>;
  static Size size_from(const std::string& text) {
    const SizeExpression expression(text);
    return [expression](const Pass& pass) { return expression(pass.input_sizes); };
  }
  static Size fixed(int64_t value) {
    return [value](const Pass&) { return value; };
  }
  Size size_of(const std::string& name) const {
    const Attributes& at = node_.attributes;
    return at.is_text(name) ? size_from(at.text(name, "")) : fixed(at.integer(name));
  }
  std::vector<Size> sizes_of(const std::string& name) const {
    const Attributes& at = node_.attributes;
    std::vector<Size> sizes;
    if (at.is_text(name)) return {size_of(name)};
    if (at.is_texts(name)) {
      for (const auto& text : at.texts(name)) sizes.push_back(size_from(text));
    } else {
      for (const int64_t value : at.integers(name)) sizes.push_back(fixed(value));
    }
    return sizes;
  }

  const c10::Argument& argument_;
  const OpArguments& node_;
  std::map<size_t, size_t> inputs_;  // place in the argument -> input of the node
};

/// A call of an aten overload through libtorch's dispatcher; autograd differentiates it.
class AtenCall : public Op {
 public:
  explicit AtenCall(const OpArguments& a) : overload_(aten_overload(a.name)) {
    const OpArguments node = with_arguments(a);
    check_names(node);
    for (const auto& entry : node.attributes.texts("arguments")) names_.push_back(entry.substr(0, entry.find('.')));
    check_running_statistics(node);
    for (const auto& argument : overload_.schema().arguments()) {
      sources_.push_back(ArgumentReader(argument, node).read());
    }
    output_ = a.attributes.integer("output", 0);
  }

  bool keeps_first_axis() const override { return false; }
  std::string argument_of(size_t input) const override { return names_.at(input); }

  Tensor forward(const std::vector<Tensor>& inputs, const Pass& pass) const override {
    torch::jit::Stack stack;
    for (const Source& source : sources_) stack.push_back(source(inputs, pass));
    check_output(stack);
    overload_.callBoxed(&stack);
    const auto results = tensors_of(stack);
    if (output_ < 0 || output_ >= static_cast<int64_t>(results.size())) {
      throw Error("INVALID_ARGUMENT", "attribute 'output' is " + std::to_string(output_) +
                                          ", but the operator has the results 0 to " +
                                          std::to_string(static_cast<int64_t>(results.size()) - 1));
    }
    const Tensor& result = results[static_cast<size_t>(output_)];
    if (!result.defined() || result.layout() != at::kStrided || result.is_complex()) {
      throw Error("UNSUPPORTED", "the operator's result is not a plain array of real numbers");
    }
    return result;
  }

 private:
  /// Where a node does not say which arguments its inputs are, they are the schema's tensors in order.
  OpArguments with_arguments(const OpArguments& a) {
    if (a.attributes.has("arguments")) return a;
    std::vector<std::string> names;
    for (const auto& argument : overload_.schema().arguments()) {
      const auto kind = argument.type()->kind();
      const bool is_tensor =
          kind == TypeKind::TensorType ||
          (kind == TypeKind::OptionalType &&
           argument.type()->expectRef<c10::OptionalType>().getElementType()->kind() == TypeKind::TensorType);
      const bool is_parameter = a.parameters.count(argument.name()) > 0;
      if (is_tensor && !is_parameter && names.size() < a.inputs) names.push_back(argument.name());
      if (kind == TypeKind::ListType && names.size() < a.inputs &&
          argument.type()->expectRef<c10::ListType>().getElementType()->kind() == TypeKind::TensorType) {
        names.resize(a.inputs, argument.name());
      }
    }
    attributes_ = a.attributes.with("arguments", names);
    return {a.name, attributes_, a.parameters, a.inputs};
  }

  /// Whatever is given must be an argument of the schema.
  void check_names(const OpArguments& a) const {
    const auto& schema = overload_.schema();
    const auto check = [&](const std::string& name) {
      if (!schema.argumentIndexWithName(name)) {
        throw Error("INVALID_ARGUMENT", "the operator '" + a.name + "' has no argument '" + name + "'");
      }
    };
    const auto names = a.attributes.texts("arguments");
    if (names.size() != a.inputs) {
      throw Error("INVALID_ARGUMENT", "the node has " + std::to_string(a.inputs) +
                                          " inputs, but its attribute 'arguments' lists " +
                                          std::to_string(names.size()) + ": list one for each input");
    }
    for (const auto& name : names) check(name.substr(0, name.find('.')));
    for (const auto& [name, tensor] : a.parameters) check(name);
    for (const auto& name : a.attributes.names()) {
      if (name != "arguments" && name != "output") check(name);
    }
  }

  /// No schema says so: where a normalisation takes its statistics from the images, it writes them into the running
  /// ones.
  void check_running_statistics(const OpArguments& a) const {
    const bool has_running =
        a.parameters.count("running_mean") > 0 || std::count(names_.begin(), names_.end(), "running_mean") > 0;
    for (const char* flag : {"training", "use_input_stats"}) {
      if (!has_running || !a.attributes.flag(flag, false)) continue;
      throw Error("UNSUPPORTED", "with '" + std::string(flag) + "' it writes into its running statistics");
    }
  }

  /// Refuses a result that is too large, found from shapes alone where the overload can tell it that way.
  void check_output(torch::jit::Stack stack) const {
    std::vector<Tensor> results;
    try {
      const at::NoGradGuard no_grad;
      for (IValue& value : stack) value = without_data(value);
      overload_.callBoxed(&stack);
      results = tensors_of(stack);
    } catch (const c10::Error&) {
      return;  // the call itself says what is wrong
    }
    for (const Tensor& result : results) {
      if (result.defined()) check_size(result.sizes());
    }
  }

  static IValue without_data(const IValue& value) {
    const auto shape_of = [](const Tensor& t) { return t.defined() ? t.detach().to(at::kMeta) : t; };
    if (value.isTensor()) return shape_of(value.toTensor());
    if (value.isDevice()) return c10::Device(at::kMeta);
    if (value.isTensorList()) {
      c10::List<Tensor> list;
      for (const Tensor& t : value.toTensorVector()) list.push_back(shape_of(t));
      return list;
    }
    if (value.isOptionalTensorList()) {
      c10::List<std::optional<Tensor>> list;
      for (const std::optional<Tensor>& t : value.toOptionalTensorVector()) {
        list.push_back(t ? std::optional<Tensor>(shape_of(*t)) : std::nullopt);
      }
      return list;
    }
    return value;
  }

  static std::vector<Tensor> tensors_of(const torch::jit::Stack& stack) {
    std::vector<Tensor> tensors;
    for (const IValue& value : stack) {
      if (value.isTensor()) {
        tensors.push_back(value.toTensor());
      } else {
        const auto list = value.toTensorVector();
        tensors.insert(tensors.end(), list.begin(), list.end());
      }
    }
    return tensors;
  }

  c10::OperatorHandle overload_;
  Attributes attributes_;
  std::vector<std::string> names_;  // of the argument that each input fills
  std::vector<Source> sources_;
  int64_t output_;
};

}  // namespace

std::shared_ptr<Op> make_aten_call(const OpArguments& a) { return std::make_shared<AtenCall>(a); }

}  // namespace lrp
