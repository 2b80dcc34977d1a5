#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "../graph/graph.h"

namespace lrp {

/// Channels of a layer whose activation is replaced during a forward pass: what becomes of the decision without them?
struct Replacement {
  std::string layer;
  std::vector<int64_t> channels;
  /// Shaped like the layer's output for all images; the named channels are taken from it. Without it they become 0.
  std::optional<Tensor> values;
};

/// The replacements of one forward pass, by node.
class Replacements {
 public:
  /// Throws NOT_FOUND for unknown layers.
  Replacements(const Graph& graph, const std::vector<Replacement>& replacements);

  bool concerns(size_t index) const { return by_node_.count(index) > 0; }
  /// The output of a node with its named channels replaced. `first` and `images`: which images of the whole input the
  /// batch holds. Throws INVALID_ARGUMENT for channels that are not there and values of another shape.
  Tensor apply(size_t index, Tensor output, int64_t first, int64_t images) const;

 private:
  const Graph& graph_;
  std::multimap<size_t, Replacement> by_node_;
};

}  // namespace lrp
