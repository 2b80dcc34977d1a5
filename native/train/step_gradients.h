#pragma once
#include <vector>

#include "linear_gradients.h"
#include "share_out.h"

namespace lrp {

/// What a pass over some images of a batch gives.
struct PassGradients {
  std::vector<Tensor> found;  // by autograd, for each parameter; undefined where it finds none
  LinearGradients::Trace trace;
};

/// The gradients of an optimiser step. Those of the last batch are computed and added up when a piece of them is asked
/// for: the thread that updates these rows then finds them in its cache, and no thread waits between the two.
class StepGradients {
 public:
  /// No gradients yet: all are zero.
  StepGradients(const LinearGradients& linear, const std::vector<Tensor>& parameters)
      : linear_(linear), parameters_(parameters), sums_(parameters.size()) {}

  /// Adds those of a batch.
  void add(std::vector<PassGradients> passes);
  /// A piece, contiguous. Asked for once, by any thread.
  Tensor piece(const Piece& piece) const;
  /// All of them, complete. What is changed in them counts from now on.
  const std::vector<Tensor>& all();

 private:
  const LinearGradients& linear_;
  const std::vector<Tensor>& parameters_;
  std::vector<PassGradients> pending_;  // of the last batch; their traces are joined
  LinearGradients::Trace trace_;
  std::vector<Tensor> sums_;  // without those that are pending
  bool is_complete_ = false;
};

}  // namespace lrp
