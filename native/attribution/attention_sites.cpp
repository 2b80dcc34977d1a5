#include "attention_sites.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>

#include "../error.h"
#include "../ops/arithmetic.h"
#include "../ops/attention.h"

namespace lrp {

namespace {

[[noreturn]] void refuse(const Node& node, const std::string& why) {
  throw Error("UNSUPPORTED", "node '" + node.name + "' (" + node.op_name + "): " + why);
}

class Search {
 public:
  explicit Search(const Graph& graph) : graph_(graph), depends_(graph.nodes().size()) {
    for (size_t i = 0; i < depends_.size(); ++i) {
      const auto& inputs = graph.nodes()[i].inputs;
      depends_[i] = std::any_of(inputs.begin(), inputs.end(), [this](int input) { return depends(input); });
    }
  }

  std::vector<AttentionSite> sites() const {
    std::vector<AttentionSite> found;
    for (size_t i = 0; i < depends_.size(); ++i) {
      const Node& node = graph_.nodes()[i];
      if (!depends_[i]) continue;
      if (dynamic_cast<const Attention*>(node.op.get())) {
        found.push_back({i, i, node.inputs[2], stream_of(node.inputs[2])});
      } else if (dynamic_cast<const Softmax*>(node.op.get()) && static_cast<int>(i) != graph_.output()) {
        const int product = product_of(static_cast<int>(i));
        if (product == kInput)
          refuse(node, "attention maps cannot include this softmax, because no values are multiplied by its weights");
        const int values = graph_.nodes()[static_cast<size_t>(product)].inputs[1];
        found.push_back({static_cast<size_t>(product), i, values, stream_of(values)});
      }
    }
    return found;
  }

 private:
  bool depends(int node) const { return node == kInput || depends_[static_cast<size_t>(node)]; }
  const Node& at(int node) const { return graph_.nodes()[static_cast<size_t>(node)]; }

  /// The product that these weights multiply from the left, kInput where there is none.
  int product_of(int weights) const {
    for (const int reader : graph_.readers(weights)) {
      const Node& node = at(reader);
      if (dynamic_cast<const MatrixProduct*>(node.op.get()) && node.inputs[0] == weights && depends(node.inputs[1])) {
        return reader;
      }
      const int further = node.record.moves_values && node.inputs.size() == 1 ? product_of(reader) : kInput;
      if (further != kInput) return further;
    }
    return kInput;
  }

  /// How many inputs of a node depend on the network's, and one of them.
  std::pair<int, int> dependent_input(int node) const {
    std::pair<int, int> found{0, kInput};
    for (const int input : at(node).inputs) {
      if (depends(input)) found = {found.first + 1, input};
    }
    return found;
  }

  bool is_residual_sum(int node) const { return at(node).record.kind == "sum" && dependent_input(node).first > 1; }

  int stream_of(int node) const {
    while (node != kInput) {
      const auto& readers = graph_.readers(node);
      if (std::any_of(readers.begin(), readers.end(), [this](int reader) { return is_residual_sum(reader); })) break;
      const auto [count, input] = dependent_input(node);
      if (count != 1) break;
      node = input;
    }
    return node;
  }

  const Graph& graph_;
  std::vector<bool> depends_;
};

}  // namespace

std::vector<AttentionSite> find_attentions(const Graph& graph) {
  auto sites = Search(graph).sites();
  if (sites.empty())
    throw Error("UNSUPPORTED", "the network has no attention, softmax(q k^T) v, so it has no attention maps");
  return sites;
}

Tensor by_heads(const Tensor& t, int64_t images, const Node& node) {
  if (t.dim() == 4 && t.size(0) == images) return t;
  if (t.dim() == 3 && t.size(0) % images == 0) return t.unflatten(0, {images, t.size(0) / images});
  refuse(node, "attention heads must have the shape [images, heads, tokens, features], not " + c10::str(t.sizes()) +
                   ": attention in windows is not supported");
}

HeadRelevance::HeadRelevance(const Graph& graph, Recorder& recorder)
    : graph_(graph), recorder_(recorder), sites_(find_attentions(graph)) {
  for (const AttentionSite& site : sites_) {
    if (site.stream == kInput)
      refuse(graph.nodes()[site.output], "the tokens at the start of this attention's block cannot be found");
    for (const int node : {static_cast<int>(site.output), site.values, site.stream}) {
      recorder.wanted[static_cast<size_t>(graph.source(node))] = true;
    }
  }
}

const Tensor& HeadRelevance::arrived(int node) const {
  const int source = graph_.source(node);
  const auto found = recorder_.relevance.find(static_cast<size_t>(source));
  if (found != recorder_.relevance.end() && found->second.defined()) return found->second;
  refuse(graph_.nodes()[static_cast<size_t>(source)],
         "no relevance reaches this node, so its attention heads have none");
}

std::vector<AttentionRelevance> HeadRelevance::last() const {
  std::vector<AttentionRelevance> result;
  for (const AttentionSite& site : sites_) {
    const Node& node = graph_.nodes()[site.output];
    const Tensor out = by_heads(arrived(static_cast<int>(site.output)), recorder_.images, node);
    const Tensor values = by_heads(arrived(site.values), recorder_.images, node);
    const Tensor& stream = arrived(site.stream);
    const int64_t tokens = values.size(2);
    if (stream.dim() != 3 || stream.numel() % (recorder_.images * tokens) != 0) {
      refuse(graph_.nodes()[static_cast<size_t>(site.stream)], "the tokens must have the shape [images, " +
                                                                   std::to_string(tokens) + ", features], not " +
                                                                   c10::str(stream.sizes()));
    }
    const Tensor by_image = recorder_.layout(site.stream).by_image(stream, recorder_.images);
    result.push_back({node.name, by_image.unflatten(1, {tokens, -1}).sum(2), out.sum({2, 3}), values.sum(3)});
  }
  return result;
}

std::vector<AttentionRelevance> joined_attention(const std::vector<std::vector<AttentionRelevance>>& by_target) {
  if (by_target.size() < 2) return by_target.empty() ? std::vector<AttentionRelevance>() : by_target[0];
  std::vector<AttentionRelevance> result = by_target[0];
  for (size_t i = 0; i < result.size(); ++i) {
    const auto stacked = [&](Tensor AttentionRelevance::*member) {
      std::vector<Tensor> all;
      for (const auto& target : by_target) all.push_back(target[i].*member);
      return at::stack(all);
    };
    result[i].tokens = stacked(&AttentionRelevance::tokens);
    result[i].heads = stacked(&AttentionRelevance::heads);
    result[i].head_tokens = stacked(&AttentionRelevance::head_tokens);
  }
  return result;
}

}  // namespace lrp
