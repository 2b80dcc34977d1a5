#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/augment.h"
#include "optim/loss.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

namespace lrp {

/// Everything that decides what a run computes. There are no defaults here: src/train/ spells all of it out.
struct TrainOptions {
  LossOptions loss;
  OptimizerOptions optimizer;
  /// Tensors in no group stay as they are.
  std::vector<GroupOptions> groups;
  ScheduleOptions schedule;
  Preprocessing preprocessing;
  std::optional<AugmentOptions> augment;
  /// The run ends after this epoch.
  int64_t epochs;
  int64_t batch_size;
  /// The network takes no other number of images.
  bool fixed_batch;
  /// Batches whose gradients are averaged before one optimiser step.
  int64_t accumulate;
  /// Largest norm of all gradients together; 0: not clipped.
  double gradient_clip;
  /// Each class drawn equally often, with replacement, instead of each image once an epoch.
  bool balanced;
  /// Epochs without a better validation result before the run ends; 0: never.
  int64_t patience;
  /// fp32, bf16, fp16
  std::string precision;
  uint64_t seed;
  /// Threads that compute; the process's own setting without them.
  std::optional<int> threads;
};

}  // namespace lrp
