#include <ATen/ATen.h>

#include "passes.h"

namespace lrp {

Graph weights_channels_last(const Graph& graph) {
  std::vector<Node> nodes = graph.nodes();
  for (Node& node : nodes) {
    if (node.record.kind != "convolution" || node.op->linear()->transposed()) continue;
    Tensor& weight = node.parameters.at("weight");
    if (weight.dim() != 4) continue;
    weight = weight.contiguous(at::MemoryFormat::ChannelsLast);
    build_op(node);
  }
  return Graph(std::move(nodes), graph.output(), graph.tensors());
}

}  // namespace lrp
