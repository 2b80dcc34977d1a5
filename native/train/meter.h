#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "train_state.h"

namespace lrp {

/// Sums losses and correct answers of an epoch. On the CPU they are known after every batch; a GPU is not waited for
/// more often than every so many steps.
class Meter {
 public:
  /// `classes`: whether answers can be correct.
  Meter(c10::Device device, bool classes, TrainState& state);

  /// Takes in images of this process, whose mean loss counts `weight` times. `correct` is undefined where answers
  /// cannot be correct.
  void add(const at::Tensor& loss, const at::Tensor& correct, double weight);
  /// False if a sum is known that is not finite.
  bool finite() const;
  /// What was added and not settled yet: the sum of losses and the correct answers, which a collective may replace.
  at::Tensor& pending() { return pending_; }
  /// Ends a step; counts the images of all processes. Sums of all processes (`of_all`) are read at once: the next
  /// step's would count them again. True if the sums are now known.
  bool settle(int64_t images, bool of_all);
  /// Moves what is pending into the state.
  void read();

  Score score() const;

 private:
  bool classes_;
  TrainState& state_;
  at::Tensor pending_;
  int64_t unread_ = 0;
};

}  // namespace lrp
