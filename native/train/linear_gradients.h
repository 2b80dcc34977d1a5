#pragma once
#include <optional>
#include <string>
#include <vector>

#include "../graph/graph.h"
#include "share_out.h"

namespace lrp {

/// The gradients of linear layers' weights and biases, computed after all passes of a batch, some rows at a time.
/// Passes that compute them by themselves take longer: each writes a gradient as large as the weights, and the sum
/// reads all of them (docs/decisions/024-rows-of-gradients.md).
class LinearGradients {
 public:
  /// What a pass notes of every layer: its input and its output, and the gradient of the loss with respect to the
  /// output.
  struct Trace {
    std::vector<Tensor> inputs, outputs, gradients;
  };

  /// None. For networks whose passes compute all gradients by themselves.
  LinearGradients() = default;
  /// Those of the linear layers whose weights are among `parameters` (names) and belong to no other node.
  LinearGradients(const Graph& graph, const std::vector<std::string>& parameters);

  /// Whether it computes the gradient of a parameter. Autograd then need not.
  bool computes(size_t parameter) const { return !layer_of_.empty() && layer_of_[parameter]; }
  /// Notes what a node has read and made. Autograd then finds the gradient with respect to the output.
  void note(size_t node, const std::vector<Tensor>& inputs, Tensor& output, Trace& trace) const;
  /// One trace of all passes, copied: a product over all rows takes less time than one for each pass, and a layer's
  /// input may be a parameter that is updated before the layer's gradient is computed.
  static Trace joined(const std::vector<Trace>& passes);
  /// Adds the gradient of a piece to `rows`. Undefined rows stand for zeros, and stay so for a layer that the loss does
  /// not depend on.
  void add(const Trace& trace, const Piece& piece, Tensor& rows) const;

 private:
  std::vector<size_t> weights_;                  // of the layers, in the order of execution, and so of a trace
  std::vector<std::optional<size_t>> layer_of_;  // by parameter
  std::vector<bool> is_noted_;                   // by node
};

}  // namespace lrp
