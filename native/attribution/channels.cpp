#include "channels.h"

#include <ATen/ATen.h>

#include "../error.h"

namespace lrp {

int64_t channel_axis(const Graph& graph, size_t index, int64_t axes) {
  if (axes != 3) return graph.nodes()[index].record.kind == "linear" ? axes - 1 : 1;
  for (auto i = static_cast<int>(index); i != kInput;) {
    const Node& node = graph.nodes()[static_cast<size_t>(i)];
    if (node.op->channel_affine()) return 1;
    if (node.record.kind == "linear" || node.record.kind == "normalisation") return 2;
    if (is_weighted(node)) return 1;
    if (node.record.kind == "move") break;
    i = node.inputs.empty() ? kInput : node.inputs[0];
  }
  throw Error("UNSUPPORTED",
              "the channel axis of layer '" + graph.nodes()[index].name + "' is unknown: name a layer with weights");
}

void check_images(const Graph& graph, size_t index, const Tensor& output, int64_t images) {
  if (output.dim() >= 2 && output.size(0) == images) return;
  throw Error("UNSUPPORTED", "layer '" + graph.nodes()[index].name +
                                 "': its first axis is not the images, so it has no channels for each image");
}

Tensor channel_mask(const Graph& graph, size_t index, const std::string& layer, const std::vector<int64_t>& channels,
                    const Tensor& output, int64_t images) {
  check_images(graph, index, output, images);
  const int64_t axis = channel_axis(graph, index, output.dim());
  const int64_t count = output.size(axis);
  for (const int64_t channel : channels) {
    if (channel >= 0 && channel < count) continue;
    throw Error("INVALID_ARGUMENT", "layer '" + layer + "' has no channel " + std::to_string(channel) +
                                        ": its channels are 0 to " + std::to_string(count - 1));
  }
  std::vector<int64_t> shape(static_cast<size_t>(output.dim()), 1);
  shape[static_cast<size_t>(axis)] = count;
  const Tensor chosen = at::tensor(channels, at::kLong).to(output.device());
  return at::zeros({count}, output.options()).index_fill_(0, chosen, 1).view(shape);
}

}  // namespace lrp
