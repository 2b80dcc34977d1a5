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

bool is_read_once(const std::vector<Node>& nodes, int output, int i) {
  return i != kInput && i != output && readers_of(nodes, i).size() == 1;
}

/// The channels of a batch norm are the outputs of a dense layer where there are no places.
bool fits(const Node& layer, const Node& norm) { return layer.record.kind != "linear" || norm.axes == 2; }

/// The layer that makes what node `i` gives: itself, or the dense layer whose outputs it only arranges as rows.
int layer_behind(const std::vector<Node>& nodes, int output, int i, int64_t channels) {
  if (i == kInput) return i;
  const Node& node = nodes[static_cast<size_t>(i)];
  if (node.op_name != "reshape" || node.attributes.has_size_expressions()) return i;
  const auto shape = node.attributes.integers("shape");
  const int before = node.inputs.at(0);
  if (shape.size() != 2 || shape[1] != channels || !is_read_once(nodes, output, before)) return i;
  const Node& layer = nodes[static_cast<size_t>(before)];
  return layer.record.kind == "linear" && layer.parameters.at("weight").size(0) == channels ? before : i;
}

bool fold(std::vector<Node>& nodes, int output, size_t i) {
  if (nodes[i].replaced_by) return false;
  const auto found = nodes[i].op->channel_affine();
  if (!found) return false;
  const ChannelAffine& affine = *found;
  const int before = nodes[i].inputs.at(0), index = static_cast<int>(i);
  const int behind = layer_behind(nodes, output, before, affine.scale.size(0));
  if (is_read_once(nodes, output, before) && is_weighted(nodes[static_cast<size_t>(behind)])) {
    Node& layer = nodes[static_cast<size_t>(behind)];
    return (behind != before || fits(layer, nodes[i])) && fold_into_previous(layer, affine);
  }
  const auto readers = readers_of(nodes, index);
  if (index == output || readers.size() != 1) return false;
  Node& layer = nodes[readers[0]];
  return is_weighted(layer) && fits(layer, nodes[i]) && fold_into_next(layer, affine);
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
