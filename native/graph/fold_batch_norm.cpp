#include <ATen/ATen.h>

#include "passes.h"
#include "rewrite.h"

namespace lrp {

namespace {

/// The layer followed by the batch norm: rows of the weight are scaled.
bool fold_into_previous(Node& layer, const ChannelAffine& affine) {
  const Tensor weight = layer.parameters.at("weight").to(at::kDouble);
  const int64_t outputs = affine.scale.size(0);
  const int64_t groups = layer.attributes.integer("groups", 1);
  Tensor scaled;
  if (layer.op->linear()->transposed()) {  // [in, out / groups, ...]
    if (weight.size(1) * groups != outputs) return false;
    auto shape = weight.sizes().vec();
    const Tensor grouped = weight.reshape({groups, weight.size(0) / groups, weight.size(1), -1});
    scaled = (grouped * affine.scale.view({groups, 1, weight.size(1), 1})).reshape(shape);
  } else {
    if (weight.size(0) != outputs) return false;
    std::vector<int64_t> rows(static_cast<size_t>(weight.dim()), 1);
    rows[0] = outputs;
    scaled = weight * affine.scale.view(rows);
  }
  set_weights(layer, scaled, bias_or_zeros(layer) * affine.scale + affine.shift);
  return true;
}

/// The batch norm followed by the layer: columns of the weight are scaled, the shift becomes part of the bias.
bool fold_into_next(Node& layer, const ChannelAffine& affine) {
  if (layer.op->linear()->transposed() || layer.op->linear()->pads()) return false;
  const Tensor weight = layer.parameters.at("weight").to(at::kDouble);
  const int64_t groups = layer.attributes.integer("groups", 1);
  const int64_t inputs = affine.scale.size(0);
  if (weight.size(1) * groups != inputs) return false;
  const int64_t outputs = weight.size(0), per_group = weight.size(1);
  const Tensor grouped = weight.reshape({groups, outputs / groups, per_group, -1});
  const auto per_channel = [&](const Tensor& v) { return v.view({groups, 1, per_group, 1}); };
  const Tensor scaled = (grouped * per_channel(affine.scale)).reshape(weight.sizes());
  const Tensor shifted = (grouped * per_channel(affine.shift)).sum({2, 3}).reshape({outputs});
  set_weights(layer, scaled, bias_or_zeros(layer) + shifted);
  return true;
}

bool fold(std::vector<Node>& nodes, int output, size_t i) {
  if (nodes[i].replaced_by) return false;
  const auto found = nodes[i].op->channel_affine();
  if (!found) return false;
  const ChannelAffine& affine = *found;
  const int before = nodes[i].inputs.at(0), index = static_cast<int>(i);
  if (before != kInput && before != output && is_weighted(nodes[static_cast<size_t>(before)]) &&
      readers_of(nodes, before).size() == 1) {
    return fold_into_previous(nodes[static_cast<size_t>(before)], affine);
  }
  const auto readers = readers_of(nodes, index);
  if (index == output || readers.size() != 1) return false;
  return is_weighted(nodes[readers[0]]) && fold_into_next(nodes[readers[0]], affine);
}

}  // namespace

Graph fold_batch_norm(const Graph& graph) {
  std::vector<Node> nodes = graph.nodes();
  int output = graph.output();
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!fold(nodes, output, i)) continue;
    if (output == static_cast<int>(i)) output = nodes[i].inputs.at(0);
    take_out(nodes, i, nodes[i].inputs.at(0));
  }
  return Graph(std::move(nodes), output, graph.tensors());
}

}  // namespace lrp
