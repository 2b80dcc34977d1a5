#pragma once
#include <set>

#include "graph.h"

namespace lrp {

/// Results of the nodes that do not depend on the network's input, as far as somebody needs them: those that a node
/// which does depend on it reads, the output, and the nodes named in `keep`. Nodes whose sizes follow the input's count
/// as depending on it. Throws what the nodes throw, naming the node; UNSUPPORTED where a kept node depends on the input
/// or the results take more than 2^28 numbers.
std::map<std::string, Tensor> fold_constants(const GraphSpec& spec, const std::map<std::string, Tensor>& tensors,
                                             const std::set<std::string>& keep);

}  // namespace lrp
