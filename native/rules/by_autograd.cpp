#include "by_autograd.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

namespace lrp {

std::vector<Tensor> share_by_autograd(const Layer& layer, const Tensor& R, const Stabiliser& S, double scale) {
  const at::AutoGradMode on(true);
  const OpRecord& record = op_record(layer.op_name);
  const auto is_one_of = [&](const std::vector<std::string>& arguments, size_t input) {
    return std::count(arguments.begin(), arguments.end(), layer.op.argument_of(input)) > 0;
  };
  std::vector<Tensor> inputs = layer.inputs, leaves, result(inputs.size());
  std::vector<size_t> shared, factors;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!layer.explained[i] || is_one_of(record.held, i)) continue;
    leaves.push_back(inputs[i] = inputs[i].detach().requires_grad_());
    shared.push_back(i);
    if (is_one_of(record.factors, i)) factors.push_back(i);
  }
  if (leaves.empty()) return result;
  const Tensor z = layer.op.forward(inputs, layer.pass);
  const auto gradients =
      torch::autograd::grad({z}, leaves, {ratio(R, z.detach() / scale, S)}, std::nullopt, false, true);
  for (size_t leaf = 0; leaf < leaves.size(); ++leaf) {
    if (gradients[leaf].defined()) result[shared[leaf]] = gradients[leaf] * layer.inputs[shared[leaf]];
  }
  for (const size_t i : factors) {
    if (result[i].defined() && factors.size() > 1) result[i] = result[i] / static_cast<double>(factors.size());
  }
  return result;
}

}  // namespace lrp
