#pragma once
#include <string>
#include <vector>

#include "propagate.h"

namespace lrp {

/// Where a network attends: softmax(q k^T) v, as one op or as a softmax followed by a product.
struct AttentionSite {
  size_t output;   // the op, or the product: [images, heads, queries, features] or [images * heads, ...]
  size_t weights;  // the softmax; the same node where it is one op
  int values;      // the node that v comes from
  int stream;      // the tokens that its block begins with: what the residual connection leads round the attention
};

/// All of them in order of execution. Throws UNSUPPORTED where there is none, and for a softmax over the last axis that
/// weighs something else, since its part would be left out.
std::vector<AttentionSite> find_attentions(const Graph& graph);

/// [images, heads, a, b] of what one attention holds. Throws UNSUPPORTED, naming the node, for windows and other
/// shapes.
Tensor by_heads(const Tensor& t, int64_t images, const Node& node);

/// Relevance at one attention, for one target; a leading axis of targets where there are several.
struct AttentionRelevance {
  std::string node;
  Tensor tokens;       // [images, tokens]: of each token where the block begins
  Tensor heads;        // [images, heads]: what each head carries
  Tensor head_tokens;  // [images, heads, tokens]: what each head passes to each token
};

/// Relevance per head and token of a backward pass by LRP: what arrives at the heads' outputs (Voita et al. 2019), at
/// their values, and at the tokens.
class HeadRelevance {
 public:
  HeadRelevance(const Graph& graph, Recorder& recorder);
  /// Of the last backward pass.
  std::vector<AttentionRelevance> last() const;

 private:
  const Tensor& arrived(int node) const;

  const Graph& graph_;
  Recorder& recorder_;
  std::vector<AttentionSite> sites_;
};

/// Several targets' relevance, with a leading axis where there are several.
std::vector<AttentionRelevance> joined_attention(const std::vector<std::vector<AttentionRelevance>>& by_target);

}  // namespace lrp
