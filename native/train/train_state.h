#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

#include "optim/schedule.h"

namespace lrp {

/// A mean loss, and the share of correct answers: NaN where targets are values.
struct Score {
  double loss, accuracy;
};

/// The best epoch so far: the highest accuracy, of those the lowest loss. Without validation the latest is the best.
struct BestEpoch {
  double loss = 1e300, accuracy = -1;
  int64_t epoch = 0, epochs_since = 0;
  /// Takes in one more epoch; true if it is the best.
  bool observe(int64_t number, const Score& score, bool validated);
};

/// How far a run has come. With the tensors of a snapshot it is all that an exact continuation needs.
struct TrainState {
  int64_t epoch = 0;                           // epochs done
  int64_t batch = 0;                           // batches done of the current epoch
  int64_t step = 0;                            // optimiser steps done
  double loss_sum = 0, correct = 0, seen = 0;  // of the current epoch
  BestEpoch best;
  Plateau plateau;
};

/// A copy of everything that a run can be continued from.
struct Snapshot {
  std::map<std::string, at::Tensor> weights, optimizer;
  TrainState state;
};

}  // namespace lrp
