#pragma once
#include "graph.h"

namespace lrp {

// What the passes that fold nodes into others share.

/// Indices of the nodes that read node `i` in the network as folded so far.
std::vector<size_t> readers_of(const std::vector<Node>& nodes, int i);

/// Takes node `i` out: its readers read node `instead`.
void take_out(std::vector<Node>& nodes, size_t i, int instead);

/// The bias of a linear layer in double; zeros where it has none.
Tensor bias_or_zeros(const Node& layer);

/// Gives a linear layer another weight and bias, in the number type of its own.
void set_weights(Node& layer, const Tensor& weight, const Tensor& bias);

}  // namespace lrp
