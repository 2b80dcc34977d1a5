#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <functional>

#include "../../error.h"
#include "../../ops/attention.h"
#include "../token_lookup.h"
#include "method.h"

namespace lrp {

namespace {

/// Settings of the rules that share relevance out, and of `pass`: shares of nothing are nothing.
Attributes sharing() {
  return Attributes(
      {{"epsilon", 1e-6}, {"stabiliser", std::string("signed")}, {"ignoreBias", false}, {"normalise", false}});
}

/// A forward pass that keeps every attention's weights. Below the tokens that the first block begins with, relevance
/// is spread evenly: the rule flat, so that a patch's relevance lies on its pixels.
class AttendingPass {
 public:
  explicit AttendingPass(const MethodArguments& a)
      : graph(a.graph),
        sites(find_attentions(graph)),
        x(a.x.detach().requires_grad_()),
        flat_(make_rule("flat", {sharing(), {}, {}})),
        pass_(make_rule("pass", {sharing(), {}, {}})),
        share_(make_rule("uniform", {sharing(), {}, {}})),
        below_(nodes_below(sites[0].stream)),
        is_lookup_(lookups_of(graph, a.lrp.lookups)) {
    if (sites[0].stream == kInput)
      throw Error("UNSUPPORTED",
                  "attention maps need tokens, but the first attention of the network reads the image itself");
    recorder_.wanted.assign(graph.nodes().size(), false);
    recorder_.images = x.size(0);
    recorder_.cancel = a.lrp.cancel;
    stream_layout_ = graph.batch_layouts(x)[static_cast<size_t>(sites[0].stream)];
    weights.resize(sites.size());
    results.resize(sites.size());
    logits = graph.run(x, [&](size_t i, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
      return run(i, node, inputs, pass);
    });
    for (size_t i = 0; i < sites.size(); ++i) heads(i, weights[i]);  // refuses windows before anything is computed
  }

  int64_t images() const { return x.size(0); }
  /// [images, heads, queries, keys]
  Tensor heads(size_t site, const Tensor& t) const { return by_heads(t, images(), graph.nodes()[sites[site].output]); }

  /// Relevance of the first block's tokens [images, tokens] on the pixels.
  Tensor to_pixels(const Tensor& tokens, bool keep) {
    recorder_.keep_for_more = keep;
    const auto& node = graph.nodes()[static_cast<size_t>(sites[0].stream)];
    if (stream_.dim() != 3 || stream_.numel() % tokens.numel() != 0) {
      throw Error("UNSUPPORTED",
                  "node '" + node.name + "': attention maps need tokens of shape [images, tokens, features]");
    }
    const int64_t features = stream_.numel() / tokens.numel();
    const Tensor spread = (tokens / static_cast<double>(features)).unsqueeze(2).expand({-1, -1, features}).flatten(1);
    const Tensor start = stream_layout_.from_image(spread.contiguous(), stream_.sizes());
    return torch::autograd::grad({stream_}, {x}, {start}, keep, false, true)[0];
  }

  const Graph& graph;
  const std::vector<AttentionSite> sites;
  const Tensor x;
  Tensor logits;
  std::vector<Tensor> weights, results;  // of every attention

 private:
  std::vector<bool> nodes_below(int top) const {
    std::vector<bool> below(graph.nodes().size());
    if (top != kInput) below[static_cast<size_t>(top)] = true;
    for (int i = top; i >= 0; --i) {
      if (!below[static_cast<size_t>(i)]) continue;
      for (const int input : graph.nodes()[static_cast<size_t>(i)].inputs) {
        if (input != kInput) below[static_cast<size_t>(input)] = true;
      }
    }
    return below;
  }

  Tensor run(size_t i, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
    const auto site = std::find_if(sites.begin(), sites.end(),
                                   [i](const AttentionSite& one) { return one.weights == i || one.output == i; });
    if (site != sites.end()) return attend(static_cast<size_t>(site - sites.begin()), i, node, inputs, pass);
    Treatment treatment;
    if (below_[i]) treatment.rule = spreading(node, inputs);
    Tensor result = propagate(i, node, inputs, pass, treatment, recorder_);
    if (is_lookup_[i]) result = look_up(x, result, false);
    if (static_cast<int>(i) == sites[0].stream) stream_ = result;
    return result;
  }

  Tensor attend(size_t s, size_t i, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
    if (const auto* op = dynamic_cast<const Attention*>(node.op.get())) {
      const Tensor scores = at::matmul(inputs[0], inputs[1].transpose(-1, -2)) * op->scale(inputs[0]);
      weights[s] = at::softmax(scores, -1);
      return results[s] = at::matmul(weights[s], inputs[2]);
    }
    const Tensor result = node.op->forward(inputs, pass);
    return (i == sites[s].weights ? weights : results)[s] = result;
  }

  /// How a step between image and tokens spreads relevance; null: its gradient.
  const Rule* spreading(const Node& node, const std::vector<Tensor>& inputs) const {
    const std::string& kind = node.record.kind;
    if (node.op->linear() && kind != "sum") return &flat_;
    if (kind == "activation" || kind == "normalisation" || kind == "batch_norm") return &pass_;
    if (kind == "sum" || kind == "product") return &share_;
    const bool explains = std::any_of(inputs.begin(), inputs.end(), [](const Tensor& t) { return t.requires_grad(); });
    if (!explains || kind == "move" || kind == "constant") return nullptr;
    throw Error("UNSUPPORTED", "node '" + node.name + "' (" + node.op_name +
                                   "): relevance cannot be propagated through it from the tokens to the image");
  }

  const Rule flat_, pass_, share_;
  const std::vector<bool> below_, is_lookup_;
  Recorder recorder_;
  Tensor stream_;
  BatchLayout stream_layout_;
};

/// The tokens that the output reads, each with the same share: [images, queries] of the last attention. Behind it
/// tokens no longer mix, so what is not read has no gradient.
Tensor tokens_read(const AttendingPass& pass, const Tensor& start) {
  const size_t last = pass.sites.size() - 1;
  const Tensor gradient = torch::autograd::grad({pass.logits}, {pass.results[last]}, {start}, true, false, true)[0];
  if (!gradient.defined())
    throw Error("UNSUPPORTED",
                "the output of the network does not depend on its last attention, so attention maps would be empty");
  const Tensor read = pass.heads(last, gradient).ne(0).any(3).any(1).to(pass.x.scalar_type());
  return read / read.sum(1, true).clamp_min(1);
}

/// How relevance passes one attention, from queries to keys.
struct Step {
  double kept;   // share that stays with a token on the residual connection
  double moved;  // share that the heads pass on
};

/// Relevance walks from the tokens that are read down to the first block's; one matrix A per head and attention.
Explanation walk(const MethodArguments& a, const Step& step,
                 const std::function<std::vector<Tensor>(const AttendingPass&, const Tensor& start)>& matrices) {
  const at::AutoGradMode on(true);
  AttendingPass pass(a);
  Explanation result;
  result.logits = pass.logits.detach();
  result.target = choose_target(a.lrp.target, result.logits, a.x.sizes());
  result.scores = result.target->scores(result.logits);
  const int64_t targets = result.target->explanations();
  std::vector<Tensor> maps;
  std::vector<std::vector<AttentionRelevance>> attention;
  for (int64_t t = 0; t < targets; ++t) {
    const Tensor start = result.target->seed(result.logits, t, Start::one);
    Tensor tokens = tokens_read(pass, start);
    const std::vector<Tensor> A = matrices(pass, start);
    std::vector<AttentionRelevance> by_site(A.size());
    for (size_t s = A.size(); s-- > 0;) {
      const Node& node = pass.graph.nodes()[pass.sites[s].output];
      const Tensor of_heads = pass.heads(s, A[s]);
      if (of_heads.size(2) != tokens.size(1)) {
        throw Error("UNSUPPORTED", "node '" + node.name + "': this attention has " + std::to_string(of_heads.size(2)) +
                                       " tokens, but the next attention has " + std::to_string(tokens.size(1)) +
                                       ": attention maps need the same tokens in all attentions");
      }
      const Tensor r = tokens.unsqueeze(1).unsqueeze(2);  // [images, 1, 1, queries]
      const bool is_self = of_heads.size(2) == of_heads.size(3);
      const double moved = is_self ? step.moved : 1;
      const Tensor passed = at::matmul(r, of_heads).squeeze(2) * (moved / static_cast<double>(of_heads.size(1)));
      tokens = is_self ? tokens * step.kept + passed.sum(1) : passed.sum(1);
      by_site[s] = {node.name, tokens, passed.sum(2), passed};
    }
    maps.push_back(pass.to_pixels(tokens, t + 1 < targets));
    attention.push_back(by_site);
  }
  result.relevance = maps.size() == 1 ? maps[0] : at::stack(maps);
  result.attention = joined_attention(attention);
  return result;
}

}  // namespace

/// Attention rollout: the product over all blocks of (I + mean over heads of A) / 2. Abnar and Zuidema 2020. It depends
/// on the image alone, not on the class.
Explanation by_attention_rollout(const MethodArguments& a) {
  return walk(a, {0.5, 0.5}, [](const AttendingPass& pass, const Tensor&) {
    std::vector<Tensor> matrices;
    for (const Tensor& weights : pass.weights) matrices.push_back(weights.detach());
    return matrices;
  });
}

/// The product over all blocks of I + mean over heads of the positive part of A times its gradient.
/// Chefer, Gur and Wolf 2021, "Generic attention-model explainability", equations 5 and 6.
Explanation by_chefer(const MethodArguments& a) {
  return walk(a, {1, 1}, [](const AttendingPass& pass, const Tensor& start) {
    std::vector<Tensor> matrices = torch::autograd::grad({pass.logits}, pass.weights, {start}, true);
    for (size_t i = 0; i < matrices.size(); ++i) matrices[i] = at::relu(matrices[i] * pass.weights[i].detach());
    return matrices;
  });
}

}  // namespace lrp
