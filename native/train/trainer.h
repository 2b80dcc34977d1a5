#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "../cancel.h"
#include "../graph/graph.h"
#include "data/samples.h"
#include "distributed/process_group.h"
#include "train_options.h"
#include "train_state.h"

namespace lrp {

/// How far an epoch is; epochs count from 1, scores are means over the epoch so far.
struct BatchReport {
  std::string kind = "batch";
  int64_t epoch, batch, batches;
  double loss, accuracy, images_per_second;
};

struct EpochReport {
  std::string kind = "epoch";
  int64_t epoch;
  /// NaN where nothing validates, or targets are values.
  double train_loss, train_accuracy, valid_loss, valid_accuracy;
  /// Of the epoch's last step.
  double learning_rate;
  /// Training alone, without validation.
  double seconds, images_per_second;
  bool best;
  Snapshot snapshot;
};

struct TrainCallbacks {
  /// A few times a second.
  std::function<void(BatchReport)> on_batch;
  /// After every epoch; may wait.
  std::function<void(EpochReport)> on_epoch;
};

struct TrainResult {
  /// finished, cancelled, early-stopped
  std::string reason;
  Snapshot snapshot;
};

/// Where a run continues.
struct TrainStart {
  std::map<std::string, at::Tensor> optimizer;
  TrainState state;
};

/// Trains the graph's tensors in place, from `start` where a run is continued. The processes of `group`, if there is
/// one, share every batch, starting from rank 0's weights. Same seed, machine and number of threads: the same bits.
/// Throws NUMERIC naming step and layer when the loss is not finite.
TrainResult train(const Graph& graph, c10::Device device, const Samples& train, const Samples& valid,
                  const TrainOptions& options, const std::optional<TrainStart>& start,
                  std::shared_ptr<ProcessGroup> group, const TrainCallbacks& callbacks, const CancelToken& cancel);

}  // namespace lrp
