#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../cancel.h"
#include "../graph/graph.h"
#include "augment.h"
#include "evaluate.h"
#include "loss.h"
#include "optimizer.h"
#include "position.h"
#include "process_group.h"
#include "samples.h"
#include "schedule.h"

namespace lrp {

struct TrainOptions {
  LossOptions loss;
  OptimizerOptions optimizer;
  /// Names, learning rate and weight decay; tensors in no group stay as they are.
  std::vector<ParameterGroup> groups;
  ScheduleOptions schedule;
  Preprocessing preprocessing;
  bool augments = false;
  AugmentOptions augment;
  int64_t epochs = 1;
  int64_t batch_size = 64;
  /// Batches whose gradients are averaged before one optimizer step.
  int64_t accumulate = 1;
  /// Largest norm of all gradients together; 0: not clipped.
  double gradient_clip = 0;
  /// Each class drawn equally often, with replacement, instead of each image once an epoch.
  bool balanced = false;
  /// Epochs without a better validation result before the run ends; 0: never.
  int64_t patience = 0;
  std::string precision = "fp32";
  uint64_t seed = 0;
  int threads = 0;
  /// Processes that share every batch; null: this one alone. They start from rank 0's weights and keep the same ones.
  std::shared_ptr<ProcessGroup> group;
};

struct Progress {
  int64_t epoch, batch, batches;
  Score score;  // of the epoch so far
  double images_per_second;
};

struct EpochReport {
  int64_t epoch;  // 1 for the first
  Score train, valid;
  bool validated;
  bool best;
  double learning_rate, seconds, images_per_second;
  Position position;
  std::map<std::string, Tensor> state;  // a snapshot: weights/... and optimizer/...
};

struct TrainCallbacks {
  /// A few times a second.
  std::function<void(const Progress&)> on_progress;
  /// After every epoch; may wait.
  std::function<void(EpochReport)> on_epoch;
};

struct TrainResult {
  /// finished, cancelled, early-stopped
  std::string reason;
  Position position;
  std::map<std::string, Tensor> state;
};

/// Trains the graph's tensors in place, from `position` and `state` where a run is continued. Same seed, machine and
/// number of threads: the same bits. Throws NUMERIC naming step and layer when the loss is not finite.
TrainResult train(const Graph& graph, c10::Device device, const Samples& train, const Samples& valid,
                  const TrainOptions& options, Position position, const std::map<std::string, Tensor>& state,
                  const TrainCallbacks& callbacks, const CancelToken& cancel);

}  // namespace lrp
