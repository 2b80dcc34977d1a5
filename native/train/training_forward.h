#pragma once
#include <functional>
#include <string>
#include <vector>

#include "../graph/graph.h"

namespace lrp {

/// Forward passes of training. Dropout draws from this thread's generator, seeded anew for every batch, so that a
/// resumed run drops what the first would have; layers whose weights are frozen (batch norms) keep their statistics.
class TrainingForward {
 public:
  TrainingForward(const Graph& graph, c10::Device device, uint64_t seed, const std::vector<std::string>& trained);
  /// `observe` sees what each node has read and made.
  using Observe = std::function<void(size_t node, const std::vector<Tensor>& inputs, Tensor& output)>;
  Tensor operator()(const Tensor& x, int64_t batch, const Observe& observe) const;
  /// Whether the output for an image does not depend on the batch that it is in.
  bool takes_images_alone() const { return !drops_ && !mixes_; }

 private:
  const Graph& graph_;
  c10::Device device_;
  uint64_t seed_;
  bool drops_ = false, mixes_;
  std::vector<bool> frozen_;
};

/// What made a loss not finite: a layer's weights, the first layer whose output is not finite, or the loss itself.
std::string find_fault(const Graph& graph, const Tensor& x);

}  // namespace lrp
