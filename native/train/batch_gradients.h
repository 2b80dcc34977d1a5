#pragma once
#include <string>
#include <vector>

#include "data/batch_loader.h"
#include "meter.h"
#include "optim/gradient_scaler.h"
#include "step_gradients.h"
#include "train_options.h"
#include "training_forward.h"

namespace lrp {

/// The gradients of a batch's mean loss. On the CPU, each thread takes images of its own if the network is small and
/// its images do not depend on each other.
class BatchGradients {
 public:
  /// `parameters` in the order of the options' groups.
  BatchGradients(const Graph& graph, c10::Device device, const TrainOptions& options, std::vector<Tensor> parameters,
                 const GradientScaler& scaler);
  ~BatchGradients();
  BatchGradients(const BatchGradients&) = delete;
  BatchGradients& operator=(const BatchGradients&) = delete;

  /// Where a batch is in a run, and what its gradients are multiplied by.
  struct Place {
    int64_t epoch;
    int64_t draw;  // for random numbers; no other batch has the same
    double weight;
    double images;  // for how many images its mean loss counts
  };
  /// No gradients yet. They refer to this object.
  StepGradients none() const { return StepGradients(linear_, parameters_); }
  /// Adds a batch's gradients to `gradients`. The meter takes in its loss.
  void add(const BatchLoader& loader, const Batch& batch, const Place& place, Meter& meter, StepGradients& gradients);
  /// What made a loss not finite, found with the images of the last batch before the sum of losses was not finite.
  std::string fault() const;

 private:
  /// What some images of a batch give.
  struct Part {
    double share;  // of their mean loss in that of the batch
    Tensor input, targets, loss, correct;
  };

  void load(Part& part, const BatchLoader& loader, const Batch& own, int64_t epoch) const;
  /// Forward and backward.
  void run(Part& part, PassGradients& gradients, const Place& place) const;
  /// How many threads take images of their own.
  int64_t passes_for(int64_t images) const;

  const Graph& graph_;
  const c10::Device device_;
  const TrainOptions& options_;
  std::vector<Tensor> parameters_;
  const GradientScaler& scaler_;
  const TrainingForward forward_;
  const bool may_split_;
  LinearGradients linear_;
  std::vector<size_t> found_by_autograd_;  // places among the parameters
  std::vector<Tensor> last_inputs_;
};

}  // namespace lrp
