#include "by_autograd.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

namespace lrp {

std::vector<Tensor> share_by_autograd(const Layer& layer, const Tensor& R, const Stabiliser& S, double scale) {
  const at::AutoGradMode on(true);
  std::vector<Tensor> inputs, leaves;
  for (size_t i = 0; i < layer.inputs.size(); ++i) {
    inputs.push_back(layer.inputs[i]);
    if (layer.explained[i]) leaves.push_back(inputs.back() = layer.inputs[i].detach().requires_grad_());
  }
  const Tensor z = layer.op.forward(inputs, layer.pass);
  const auto gradients =
      torch::autograd::grad({z}, leaves, {ratio(R, z.detach() / scale, S)}, std::nullopt, false, true);
  std::vector<Tensor> result(layer.inputs.size());
  for (size_t i = 0, leaf = 0; i < layer.inputs.size(); ++i) {
    if (!layer.explained[i]) continue;
    const Tensor& gradient = gradients[leaf++];
    if (gradient.defined()) result[i] = gradient * layer.inputs[i];
  }
  return result;
}

}  // namespace lrp
