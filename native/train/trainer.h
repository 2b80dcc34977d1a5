#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../cancel.h"
#include "../graph/graph.h"
#include "augment.h"
#include "loss.h"
#include "optimizer.h"
#include "process_group.h"
#include "schedule.h"
#include "stream.h"

namespace lrp {

/// Labelled images: [N, ...] of bytes or float32, class numbers [N] (int64) or values [N, outputs] (float32).
struct Samples {
  /// Undefined where `source` reads them.
  Tensor images;
  Tensor targets;
  std::shared_ptr<ImageSource> source = nullptr;
  int64_t size() const { return targets.defined() ? targets.size(0) : 0; }
};

struct TrainOptions {
  LossOptions loss;
  OptimizerOptions optimizer;
  /// Names, learning rate and weight decay; tensors in no group stay as they are.
  std::vector<ParameterGroup> groups;
  ScheduleOptions schedule;
  Normalisation normalisation;
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

/// Where a run stands. With the tensors of a snapshot it is all that an exact continuation needs.
struct Position {
  int64_t epoch = 0;  // epochs done
  int64_t batch = 0;  // batches done of the current epoch
  int64_t step = 0;   // optimizer steps done
  double loss_sum = 0, correct = 0, seen = 0;  // of the current epoch
  double best_loss = 1e300, best_accuracy = -1;
  int64_t best_epoch = 0, epochs_since_best = 0;
  Plateau plateau;
};

struct Score {
  double loss = 0;
  /// Share of right answers; NaN where targets are values.
  double accuracy = 0;
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

struct EvaluateOptions {
  LossOptions loss;
  Normalisation normalisation;
  int64_t batch_size = 256;
  std::string precision = "fp32";
};

struct Evaluation {
  Score score;
  /// Outputs of the network, [N, outputs] on the CPU.
  Tensor outputs;
  /// Of a pass over all images after one batch of warm-up; with reading, where they are not in memory.
  double seconds = 0;
};

/// The network's outputs and score on labelled images.
Evaluation evaluate(const Graph& graph, c10::Device device, const Samples& samples, const EvaluateOptions& options,
                    const CancelToken& cancel, std::pair<int64_t, int64_t> range);

}  // namespace lrp
