#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "attention_sites.h"
#include "conditions.h"
#include "propagate.h"
#include "targets/target.h"

namespace lrp {

/// The rule of one node, all settings spelled out.
struct NodeRule {
  std::string node;
  std::string rule;
  Attributes settings;
  std::optional<std::vector<Share>> shares;  // of a rule that is given as data
};

struct LrpOptions {
  /// Nodes without a rule, or with `gradient`, take their plain gradient.
  std::shared_ptr<const std::vector<NodeRule>> rules;
  std::map<std::string, Tensor> patterns;  // fitted patterns by node, for the rules that need one
  TargetSettings target;
  Targets fixed;          // the target that another output has chosen, instead
  bool together = false;  // all explanations start one map
  Start start = Start::logit;
  std::vector<Concept> concepts;      // relevance passes these layers in the named channels alone
  bool exclusive = false;             // and no path leads round them
  std::vector<std::string> channels;  // nodes whose channels are measured
  std::vector<std::string> layers;    // nodes whose arriving relevance is returned
  double top_k = 1;
  bool conservation = false;
  std::vector<std::string> lookups;  // nodes that look up tokens of the input: relevance ends at their outputs
  bool times_embedding = false;      // and is multiplied by what was looked up
  bool attention = false;            // the relevance per token and attention head is returned
  bool find_not_finite = false;      // name the first node whose output or relevance is not finite
  const CancelToken* cancel = nullptr;
};

/// Sums of relevance at one layer, double [batch]; magnitudes are sums of |relevance|.
struct LayerConservation {
  std::string node;
  Tensor arriving, propagated, by_bias, by_stabiliser, arriving_magnitude, propagated_magnitude;
};

struct Explanation {
  Tensor relevance;    // shaped like the input, with a leading axis where there are several targets
  Tensor logits;       // the output, whatever its shape
  Targets target;      // what is explained
  Tensor scores;       // the explained numbers, double [explanations, batch]
  Tensor starts;       // sum of the relevance that each map started from, double like `sums`; of LRP alone
  Tensor start_sizes;  // sum of its magnitudes
  Tensor sums;  // of each map's relevance, further inputs included, double [explanations, batch]; [1, batch] where they
                // are together
  Tensor magnitudes;                     // sums of |relevance|, like `sums`
  std::map<std::string, Tensor> inputs;  // of the further inputs that are explained, with a leading axis as `relevance`
  std::map<std::string, Tensor> layers;
  std::map<std::string, ChannelValues> channel_relevance;  // [images, channels], a leading axis for several targets
  std::map<std::string, ChannelValues> channel_activation;
  std::vector<AttentionRelevance> attention;    // in order of execution; maps of attention always have it
  std::string layer;                            // that Grad-CAM weighs
  std::vector<LayerConservation> conservation;  // of the first explanation, first layer first
};

/// The rows of a further input for the images x.
Tensor rows_of(const Node& further_input, const Tensor& x);

/// Relevance of the input under one rule per node. One forward pass, one backward pass per explanation.
/// The graph should have its batch norms folded. Throws NUMERIC, naming the node, where logits or relevance are not
/// finite; NOT_FOUND for unknown nodes or rules, INVALID_ARGUMENT.
Explanation explain(const Graph& graph, const Tensor& input, const LrpOptions& options);

}  // namespace lrp
