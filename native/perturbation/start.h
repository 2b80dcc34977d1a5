#pragma once
#include <map>
#include <memory>

#include "../graph/graph.h"
#include "changes.h"

namespace lrp {

/// Where a network begins to run as usual: some nodes' outputs are known after each step without running it.
class Start {
 public:
  virtual ~Start() = default;
  /// Whether node `i` needs not be run.
  virtual bool skips(int i) const = 0;
  /// Outputs, for steps `from` to `to`, of the skipped nodes that others read; by index, kInput for the images. Asked
  /// for in order, each step once.
  virtual std::map<int, Tensor> outputs(int64_t from, int64_t to) = 0;
};

/// The changed images themselves.
std::unique_ptr<Start> start_at_input(const Changes& changes);

/// The first layer's outputs, of which each step adds what its entries change. Null where that layer is not a linear
/// layer or a convolution over two axes, or too much changes to be worth it.
std::unique_ptr<Start> start_after_first_layer(const Graph& graph, const Changes& changes);

/// The outputs of the layers that see windows, computed only in a box around what a step changes. Null where that is
/// not worth it.
/// @param changes of one image
/// @param most numbers that one pass may take in; `batch_size` is set to the steps for that
std::unique_ptr<Start> start_after_windows(const Graph& graph, const Changes& changes, const CancelToken& cancel,
                                           int64_t most, int64_t& batch_size);

}  // namespace lrp
