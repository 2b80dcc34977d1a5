#pragma once
#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "../graph/graph.h"

namespace lrp {

/// By node: whether it looks up a row of a table for every token of the network's input, where relevance ends.
std::vector<bool> lookups_of(const Graph& graph, const std::vector<std::string>& names);

/// What such a node gives for the tokens x. In the backward pass a token's relevance is that of its row, summed; with
/// `times_rows` of its row times what was looked up. Throws UNSUPPORTED where there is not one row for each token.
Tensor look_up(const Tensor& x, const Tensor& rows, bool times_rows);

}  // namespace lrp
