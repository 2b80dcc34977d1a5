#pragma once
#include <cstdint>

#include "schedule.h"

namespace lrp {

/// Where a run stands. With the tensors of a snapshot it is all that an exact continuation needs.
struct Position {
  int64_t epoch = 0;                           // epochs done
  int64_t batch = 0;                           // batches done of the current epoch
  int64_t step = 0;                            // optimizer steps done
  double loss_sum = 0, correct = 0, seen = 0;  // of the current epoch
  double best_loss = 1e300, best_accuracy = -1;
  int64_t best_epoch = 0, epochs_since_best = 0;
  Plateau plateau;
};

}  // namespace lrp
