#pragma once
#include <map>
#include <string>
#include <vector>

#include "batch_gradients.h"

namespace lrp {

/// One optimiser step: forward and backward of its batches, the sum of all processes' gradients, clipping, the update.
class TrainStep {
 public:
  /// Throws NOT_FOUND for a parameter that the graph does not have.
  TrainStep(const Graph& graph, c10::Device device, const TrainOptions& options, int64_t batches_per_epoch,
            Collective& collective);

  /// Takes the next step of an epoch. False if waiting for its images was cancelled: nothing has changed then.
  /// Throws NUMERIC as `check`.
  bool operator()(BatchLoader& loader, const Tensor& targets, TrainState& state, Meter& meter);

  /// Factor of every group's learning rate at a step.
  double rate_factor(const TrainState& state, int64_t step) const;
  /// Throws NUMERIC, naming step and layer, for a sum of losses that is not finite.
  void check(const TrainState& state) const;

  /// What optimiser and gradient scaler remember; not copied.
  std::map<std::string, Tensor> remembered() const;
  /// Takes over what `remembered` returned. Throws INVALID_FILE where it does not fit.
  void recall(const std::map<std::string, Tensor>& remembered);

 private:
  void clip(StepGradients& gradients) const;

  TrainOptions options_;
  int64_t batches_per_epoch_;
  Collective& collective_;
  Schedule schedule_;
  Optimizer optimizer_;
  GradientScaler scaler_;
  BatchGradients gradients_;
};

}  // namespace lrp
