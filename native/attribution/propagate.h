#pragma once
#include <map>
#include <vector>

#include "../cancel.h"
#include "../graph/graph.h"
#include "../rules/rule.h"

namespace lrp {

/// Sums per image of what came to a layer and what left it.
struct LayerSums {
  Tensor arriving, propagated, by_bias;
  Tensor arriving_magnitude, propagated_magnitude;  // of |relevance|
};

/// Collects what the caller wants to know of the backward pass; filled by the layers as relevance passes through them.
class Recorder {
 public:
  std::vector<bool> wanted;            // per node: keep the relevance that arrives
  std::map<size_t, Tensor> relevance;  // by node
  bool conservation = false;           // keep the sums of every layer
  std::map<size_t, LayerSums> sums;    // by node
  double top_k = 1;                    // share of relevance entries kept at every weighted layer
  bool keep_for_more = false;          // another backward pass will follow over the same forward pass
  /// Throw NUMERIC at the first node whose output or relevance is not finite.
  bool find_not_finite = false;
  int64_t images = 1;
  std::vector<BatchLayout> layouts;  // by node; empty: images lie on axis 0 everywhere
  const CancelToken* cancel = nullptr;
  c10::ScalarType autocast = c10::ScalarType::Undefined;  // rules compute in it too, in whichever thread

  /// Where the images lie in the output of a node, or in the network's input (kInput).
  BatchLayout layout(int node) const {
    return node == kInput || layouts.empty() ? BatchLayout{} : layouts[static_cast<size_t>(node)];
  }
  bool wants(size_t node) const { return wanted[node]; }
};

/// How one node is explained: by a rule, or (no rule) by plain autograd.
struct Treatment {
  const Rule* rule = nullptr;
  bool nonnegative_input = false;
  bool dead_below_zero = false;
  /// The output is held constant: no relevance goes further down.
  bool held = false;
  /// This is a ReLU that may overwrite its input: nobody else reads it.
  bool in_place = false;
};

/// Runs a node's op so that `backward` through the result asks the rule instead of the gradient: the op's forward
/// installs a torch::autograd::Function over the inputs (TorchLRP's idea).
Tensor propagate(size_t index, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass,
                 const Treatment& treatment, Recorder& recorder);

/// Keeps the strongest share of each image's entries by magnitude, zeroes the others.
Tensor keep_strongest(const Tensor& relevance, double share, const BatchLayout& layout, int64_t images);

}  // namespace lrp
