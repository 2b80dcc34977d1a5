#pragma once
#include "graph.h"

namespace lrp {

/// Folds every batch norm into the linear layer it follows, directly or as rows [places, channels] of it, or into the
/// one that follows it where that is exact (no zero padding in between) and nobody else reads the value in between. A
/// folded batch norm keeps its place and name but is not run (`Node::replaced_by`). Weights that two nodes share are
/// folded for each node by itself.
Graph fold_batch_norm(const Graph& graph);

/// Convolutions of one value whose results are added up become one convolution, where that is exact for every size of
/// image and nobody else reads them; so does a batch norm next to a convolution (RepVGG, MobileOne). The first of the
/// convolutions computes the sum.
Graph merge_branches(const Graph& graph);

/// Weights of 2-d convolutions laid out channels last, which convolutions on the CPU run a fifth faster with
/// (docs/performance.md); outputs follow.
Graph weights_channels_last(const Graph& graph);

/// What is known of a node without running it.
struct Signs {
  /// Every input is >= 0 whatever the network's input is.
  bool nonnegative_input = false;
  /// The output is read by ReLUs alone.
  bool below_relu = false;
};

/// Signs per node. `nonnegative_network_input` says whether the network's own input is known to be >= 0.
std::vector<Signs> find_signs(const Graph& graph, bool nonnegative_network_input);

/// For each node whether every path from the network's input to its output passes through it.
std::vector<bool> nodes_on_every_path(const Graph& graph);

}  // namespace lrp
