#include "rewrite.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace lrp {

std::vector<size_t> readers_of(const std::vector<Node>& nodes, int i) {
  std::vector<size_t> readers;
  for (size_t reader = 0; reader < nodes.size(); ++reader) {
    const auto& inputs = nodes[reader].inputs;
    if (!nodes[reader].replaced_by && std::find(inputs.begin(), inputs.end(), i) != inputs.end()) {
      readers.push_back(reader);
    }
  }
  return readers;
}

void take_out(std::vector<Node>& nodes, size_t i, int instead) {
  for (size_t reader = i + 1; reader < nodes.size(); ++reader) {
    auto& inputs = nodes[reader].inputs;
    std::replace(inputs.begin(), inputs.end(), static_cast<int>(i), instead);
  }
  nodes[i].replaced_by = instead;
  nodes[i].inputs.clear();
}

Tensor bias_or_zeros(const Node& layer) {
  const auto found = layer.parameters.find("bias");
  if (found != layer.parameters.end()) return found->second.to(at::kDouble);
  const Tensor& weight = layer.parameters.at("weight");
  const int64_t groups = layer.attributes.integer("groups", 1);
  const int64_t outputs = layer.op->linear()->transposed() ? weight.size(1) * groups : weight.size(0);
  return at::zeros({outputs}, weight.options().dtype(at::kDouble));
}

void set_weights(Node& layer, const Tensor& weight, const Tensor& bias) {
  const auto dtype = layer.parameters.at("weight").scalar_type();
  layer.parameters["weight"] = weight.to(dtype).contiguous();
  layer.parameters["bias"] = bias.to(dtype).contiguous();
  build_op(layer);
}

}  // namespace lrp
