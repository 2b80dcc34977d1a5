#pragma once
#include <map>
#include <string>
#include <vector>

#include "data/batch_loader.h"
#include "meter.h"
#include "optim/gradient_scaler.h"
#include "train_options.h"
#include "training_forward.h"

namespace lrp {

/// One optimiser step: forward and backward of its batches, the sum of all processes' gradients, clipping, the update.
class TrainStep {
 public:
  /// Throws NOT_FOUND for a parameter that the graph does not have.
  TrainStep(const Graph& graph, c10::Device device, const TrainOptions& options, int64_t batches_per_epoch,
            Collective& collective);
  ~TrainStep();
  TrainStep(const TrainStep&) = delete;
  TrainStep& operator=(const TrainStep&) = delete;

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
  /// What some images of a batch give.
  struct Part {
    Tensor output, loss, targets;
    double share;  // of the mean loss in that of all these images
    std::vector<Tensor> gradients;
  };

  /// Adds a batch's gradients, if this process has a part of it.
  void backward(const BatchLoader& loader, const Batch& batch, const Tensor& targets, double parts,
                const TrainState& state, Meter& meter, std::vector<Tensor>& gradients);
  /// The gradients of the mean loss times `weight`; sets output, loss and gradients of `part`.
  void backward(Part& part, const Tensor& x, int64_t batch, double weight) const;
  /// How many threads take images of their own.
  int64_t passes_for(int64_t images) const;
  void clip(std::vector<Tensor>& gradients) const;

  const Graph& graph_;
  c10::Device device_;
  TrainOptions options_;
  int64_t batches_per_epoch_;
  Collective& collective_;
  Schedule schedule_;
  Optimizer optimizer_;
  std::vector<Tensor> parameters_;
  int64_t numbers_ = 0;  // of all parameters
  GradientScaler scaler_;
  TrainingForward forward_;
  Tensor last_input_;  // with which a fault is looked for
};

}  // namespace lrp
