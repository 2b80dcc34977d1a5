#pragma once
#include <optional>
#include <string>
#include <vector>

#include "../graph/graph.h"

namespace lrp {

/// The gradients of linear layers' weights and biases, computed after all passes of a batch: every thread multiplies
/// some rows, over the images of all passes. Passes that compute them by themselves take longer: each writes a gradient
/// as large as the weights, and the sum reads all of them (docs/decisions/024-rows-of-gradients.md).
class LinearGradients {
 public:
  /// What a pass notes: inputs and outputs of the layers, and the gradients of the loss with respect to the outputs.
  struct Trace {
    std::vector<Tensor> inputs, outputs, gradients;
  };

  /// None. For networks whose passes compute all gradients by themselves.
  LinearGradients() = default;
  /// Those of the linear layers whose weights are among `parameters` (names) and belong to no other node.
  LinearGradients(const Graph& graph, const std::vector<std::string>& parameters);

  /// Whether it computes the gradient of a parameter. Autograd then need not.
  bool computes(size_t parameter) const { return !computes_.empty() && computes_[parameter]; }
  /// Notes what a node has read and made. Autograd then finds the gradient with respect to the output.
  void note(size_t node, const std::vector<Tensor>& inputs, Tensor& output, Trace& trace) const;
  /// Makes room for gradients that are undefined, which stand for zeros. True if there were any: `add` then overwrites
  /// them. A layer that the loss does not depend on gets none.
  bool prepare(const std::vector<Trace>& traces, std::vector<Tensor>& gradients) const;
  /// Adds the rows of one of `threads` threads to the gradients, or overwrites them.
  void add(const std::vector<Trace>& traces, std::vector<Tensor>& gradients, bool overwrites, int64_t thread,
           int64_t threads) const;

 private:
  struct Layer {
    size_t node, weight;
    std::optional<size_t> bias;
  };
  std::vector<Layer> layers_;  // in the order of execution, and so of a trace
  std::vector<bool> computes_, is_noted_;
};

}  // namespace lrp
