#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace lrp {

using at::Tensor;
using Attribute = std::variant<double, bool, std::string, std::vector<double>>;

/// Attributes of a node, with defaults and readable errors for what is missing or of the wrong type.
class Attributes {
 public:
  Attributes() = default;
  explicit Attributes(std::map<std::string, Attribute> values) : values_(std::move(values)) {}
  bool has(const std::string& name) const { return values_.count(name) > 0; }
  double number(const std::string& name, double fallback) const;
  int64_t integer(const std::string& name, int64_t fallback) const;
  int64_t integer(const std::string& name) const;
  bool flag(const std::string& name, bool fallback) const;
  std::string text(const std::string& name, const std::string& fallback) const;
  /// A list, or one number repeated `axes` times (axes 0: as it stands).
  std::vector<int64_t> integers(const std::string& name, size_t axes, int64_t fallback) const;
  std::vector<int64_t> integers(const std::string& name, size_t axes = 0) const;
  bool is_text(const std::string& name) const;

 private:
  std::map<std::string, Attribute> values_;
};

/// Which weights a linear map is asked to use.
enum class Part { full, positive, squared, ones };

/// What every linear op offers the rules: its forward map and the gradient of that map with respect to its input.
/// `weight`-less ops (pooling, sums) ignore the part: their weights are constant and >= 0.
class LinearMap {
 public:
  virtual ~LinearMap() = default;
  /// f(x, W', b'): the map with one part of its weights; `bias` says whether the same part of the bias is added.
  virtual Tensor forward(const Tensor& x, Part part, bool bias) const = 0;
  /// fT(g, W'): gradient of f with respect to an input shaped like `x`.
  virtual Tensor input_gradient(const Tensor& g, const Tensor& x, Part part) const = 0;
  /// The bias, shaped to broadcast against the output; undefined where there is none.
  virtual Tensor bias() const { return {}; }
};

/// One kind of layer. `forward` is differentiable by plain autograd (training, gradients);
/// an op that is linear also offers `linear()`, which the rules of LRP work on.
class Op {
 public:
  virtual ~Op() = default;
  virtual Tensor forward(const std::vector<Tensor>& inputs, bool training) const = 0;
  virtual const LinearMap* linear() const { return nullptr; }
};

/// Parameters of one node by role: weight, bias, running_mean, ...
using Parameters = std::map<std::string, Tensor>;

/// Builds the op called `name`. Throws lrp::Error (UNSUPPORTED, INVALID_ARGUMENT) naming what is wrong.
std::unique_ptr<Op> make_op(const std::string& name, const Attributes& attributes, const Parameters& parameters);
std::vector<std::string> op_names();

}  // namespace lrp
