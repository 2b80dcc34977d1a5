#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "../../error.h"
#include "../../graph/passes.h"
#include "../../ops/attention.h"
#include "method.h"

namespace lrp {

namespace {

struct GradCamOptions {
  std::string layer;  // whose channels are weighed; empty: chosen

  explicit GradCamOptions(const Attributes& settings)
      : layer(settings.has("camLayer") ? settings.text("camLayer") : "") {}
};

[[noreturn]] void refuse(const std::string& why) {
  throw Error("UNSUPPORTED",
              "the method grad-cam " + why + ": name a layer with channels, height and width (camLayer)");
}

bool has_space(const Tensor& t) { return t.dim() == 4 && t.size(2) * t.size(3) > 1; }

/// Whether channels lie behind height and width in a node's output: behind a permutation that puts them there, up to
/// the next layer that needs them in front.
bool has_channels_last(const Node& node, const std::vector<bool>& last) {
  if (node.op_name == "permute") {
    const auto dims = node.attributes.integers("dims");
    if (dims == std::vector<int64_t>{0, 2, 3, 1}) return true;
    if (dims == std::vector<int64_t>{0, 3, 1, 2}) return false;
  }
  const auto is_last = [&](int input) { return input != kInput && last[static_cast<size_t>(input)]; };
  return node.record.kind != "convolution" && std::any_of(node.inputs.begin(), node.inputs.end(), is_last);
}

/// Attention mixes places: what lies below it says little about where.
bool is_attention(const Node& node) {
  return dynamic_cast<const Attention*>(node.op.get()) || dynamic_cast<const Softmax*>(node.op.get());
}

}  // namespace

/// Channels of one layer weighed by their mean gradient, positive part, enlarged to the image. Selvaraju et al. 2017.
/// Without a layer it is the last one with space that every path from the input to the output passes through.
Explanation by_grad_cam(const MethodArguments& a) {
  const at::AutoGradMode on(true);
  const GradCamOptions options(a.settings);
  const Graph& graph = a.graph;
  const std::vector<bool> passed_by_all = nodes_on_every_path(graph);
  int layer = options.layer.empty() ? kInput : graph.source(graph.index(options.layer));
  const Tensor x = a.x.detach().requires_grad_();
  Tensor activation;
  std::vector<bool> last(graph.nodes().size());
  const Tensor logits =
      graph.run(x, [&](size_t i, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
        const Tensor result = node.op->forward(inputs, pass);
        last[i] = has_channels_last(node, last);
        if (options.layer.empty() && passed_by_all[i] && !last[i] && has_space(result)) layer = static_cast<int>(i);
        if (static_cast<int>(i) == layer) activation = result;
        return result;
      });
  if (x.dim() != 4) throw Error("UNSUPPORTED", "the method grad-cam needs images [batch, channels, height, width]");
  if (options.layer.empty()) {
    if (layer == kInput) refuse("finds no layer with height and width that every path passes through");
    const auto& nodes = graph.nodes();
    const auto mixes = std::find_if(nodes.begin() + layer, nodes.end(), is_attention);
    if (mixes != nodes.end() && mixes - nodes.begin() != graph.output()) {
      refuse("cannot choose a layer of a transformer (attention follows '" + nodes[static_cast<size_t>(layer)].name +
             "')");
    }
  } else if (!activation.defined() || activation.dim() != 4) {
    refuse("cannot weight the channels of layer '" + options.layer + "'");
  }
  Explanation result;
  result.logits = logits.detach();
  result.target = choose_target(a.lrp.target, result.logits, x.sizes());
  result.scores = result.target->scores(result.logits);
  result.layer = graph.nodes()[static_cast<size_t>(layer)].name;
  std::vector<Tensor> maps;
  const int64_t targets = result.target->explanations();
  for (int64_t t = 0; t < targets; ++t) {
    const Tensor start = result.target->seed(result.logits, t, Start::one);
    const Tensor gradient = torch::autograd::grad({logits}, {activation}, {start}, t + 1 < targets)[0];
    const Tensor weights = gradient.mean({2, 3}, true);
    const Tensor map = at::relu((weights * activation.detach()).sum(1, true));
    maps.push_back(at::upsample_bilinear2d(map, {x.size(2), x.size(3)}, false).expand(x.sizes()) /
                   static_cast<double>(x.size(1)));
  }
  result.relevance = maps.size() == 1 ? maps[0] : at::stack(maps);
  return result;
}

}  // namespace lrp
