#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>

#include "../error.h"
#include "families.h"

namespace lrp {

namespace {

using Factory = std::shared_ptr<Op> (*)(const OpArguments&);

/// Every op there is: one line each.
const std::map<std::string, Factory>& factories() {
  static const std::map<std::string, Factory> table{
      {"linear", make_linear},
      {"conv1d", make_convolution},
      {"conv2d", make_convolution},
      {"conv3d", make_convolution},
      {"conv_transpose1d", make_transposed_convolution},
      {"conv_transpose2d", make_transposed_convolution},
      {"conv_transpose3d", make_transposed_convolution},
      {"avg_pool1d", make_pool},
      {"avg_pool2d", make_pool},
      {"avg_pool3d", make_pool},
      {"sum_pool1d", make_pool},
      {"sum_pool2d", make_pool},
      {"sum_pool3d", make_pool},
      {"max_pool1d", make_pool},
      {"max_pool2d", make_pool},
      {"max_pool3d", make_pool},
      {"adaptive_avg_pool1d", make_pool},
      {"adaptive_avg_pool2d", make_pool},
      {"adaptive_avg_pool3d", make_pool},
      {"adaptive_max_pool1d", make_pool},
      {"adaptive_max_pool2d", make_pool},
      {"adaptive_max_pool3d", make_pool},
      {"batch_norm", make_batch_norm},
      {"layer_norm", make_layer_norm},
      {"group_norm", make_group_norm},
      {"relu", make_activation},
      {"relu6", make_activation},
      {"silu", make_activation},
      {"sigmoid", make_activation},
      {"tanh", make_activation},
      {"hardswish", make_activation},
      {"hardsigmoid", make_activation},
      {"softplus", make_activation},
      {"identity", make_activation},
      {"hardtanh", make_activation},
      {"leaky_relu", make_activation},
      {"elu", make_activation},
      {"gelu", make_activation},
      {"softmax", make_softmax},
      {"log_softmax", make_activation},
      {"dropout", make_activation},
      {"add", make_arithmetic},
      {"sub", make_arithmetic},
      {"mul", make_arithmetic},
      {"div", make_arithmetic},
      {"add_scalar", make_arithmetic},
      {"mul_scalar", make_arithmetic},
      {"cat", make_arithmetic},
      {"matmul", make_arithmetic},
      {"expand_batch", make_arithmetic},
      {"constant", make_constant},
      {"scaled_dot_product_attention", make_attention},
      {"mean", make_reduction},
      {"sum", make_reduction},
      {"interpolate", make_interpolate},
      {"flatten", make_shape},
      {"reshape", make_shape},
      {"permute", make_shape},
      {"squeeze", make_shape},
      {"unsqueeze", make_shape},
      {"slice", make_shape},
      {"select", make_shape},
      {"pad", make_shape},
  };
  return table;
}

}  // namespace

Tensor OpArguments::parameter(const std::string& role) const {
  const Tensor found = optional_parameter(role);
  if (!found.defined()) throw Error("INVALID_ARGUMENT", name + " needs the parameter '" + role + "'");
  return found;
}

Tensor OpArguments::optional_parameter(const std::string& role) const {
  const auto found = parameters.find(role);
  return found == parameters.end() ? Tensor() : found->second;
}

size_t OpArguments::axes() const { return static_cast<size_t>(name.at(name.size() - 2) - '0'); }

std::shared_ptr<Op> make_op(const std::string& name, const Attributes& attributes, const Parameters& parameters,
                            size_t inputs) {
  if (name.rfind("aten::", 0) == 0) return make_aten_call({name, attributes, parameters, inputs});
  const auto found = factories().find(name);
  if (found == factories().end()) {
    throw Error("UNSUPPORTED", "there is no op '" + name + "': docs/ops.md lists those there are");
  }
  return found->second({name, attributes, parameters, inputs});
}

std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const auto& [name, factory] : factories()) names.push_back(name);
  return names;
}

Tensor gradient_of_linear(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& g) {
  const at::AutoGradMode on(true);
  const Tensor input = at::empty_like(x).requires_grad_();
  return torch::autograd::grad({f(input)}, {input}, {g})[0];
}

}  // namespace lrp
