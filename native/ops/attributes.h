#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/Scalar.h>

#include <map>
#include <string>
#include <variant>
#include <vector>

namespace lrp {

using at::Tensor;

using Attribute = std::variant<double, bool, std::string, std::vector<double>, std::vector<std::string>>;

/// Parameters of one node by role: weight, bias, running_mean, ...
using Parameters = std::map<std::string, Tensor>;

/// Attributes of a node or settings of a rule, with defaults and readable errors for what is missing or of the wrong
/// type.
class Attributes {
 public:
  Attributes() = default;
  explicit Attributes(std::map<std::string, Attribute> values) : values_(std::move(values)) {}

  bool has(const std::string& name) const { return values_.count(name) > 0; }
  bool is_text(const std::string& name) const;
  /// Whether a size follows the network's input (size_expression.h), not only numbers.
  bool has_size_expressions() const;
  bool is_texts(const std::string& name) const;
  /// Names of all attributes.
  std::vector<std::string> names() const;
  /// The same attributes and one more.
  Attributes with(const std::string& name, Attribute value) const;
  /// The same attributes without one.
  Attributes without(const std::string& name) const;
  /// A number; `inf`, `-inf` and `nan`, which JSON lacks, are given as strings.
  double number(const std::string& name) const;
  double number(const std::string& name, double fallback) const;
  int64_t integer(const std::string& name) const;
  int64_t integer(const std::string& name, int64_t fallback) const;
  bool flag(const std::string& name) const;
  bool flag(const std::string& name, bool fallback) const;
  std::string text(const std::string& name) const;
  std::string text(const std::string& name, const std::string& fallback) const;
  /// A list of strings.
  std::vector<std::string> texts(const std::string& name) const;
  /// A whole number where the value is one, true or false, else a floating one; a string such as `2.0` is floating.
  c10::Scalar scalar(const std::string& name) const;
  /// A list of numbers; one number counts as a list of one.
  std::vector<double> numbers(const std::string& name) const;
  /// A list of whole numbers; with `axes` > 0 one number is repeated for every axis and other lengths are refused.
  std::vector<int64_t> integers(const std::string& name, size_t axes = 0) const;
  std::vector<int64_t> integers(const std::string& name, size_t axes, int64_t fallback) const;

 private:
  const Attribute& at(const std::string& name) const;
  std::map<std::string, Attribute> values_;
};

}  // namespace lrp
