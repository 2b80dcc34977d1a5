#pragma once
#include <cstdint>
#include <string>

namespace lrp {

/// How the learning rate changes over a run; times are in epochs.
struct ScheduleOptions {
  /// constant, step, cosine, one-cycle, plateau
  std::string name;
  /// Epochs of the whole run.
  double epochs;
  /// Epochs at the start over which the rate rises linearly from a hundredth of it (torch's LinearLR).
  double warmup_epochs;
  /// step: multiply by gamma each time so many epochs have passed. plateau: multiply by gamma.
  double step_epochs;
  double gamma;
  /// plateau: epochs without a better validation loss before the rate falls.
  int64_t patience;
};

/// Factors of the learning rate per optimiser step, as PyTorch's schedulers define them: StepLR, CosineAnnealingLR
/// (down to 0), OneCycleLR (30 % up from 1/25, cosine, down to 1/250,000; the rate is its maximum). `plateau` is
/// constant here: see Plateau.
class Schedule {
 public:
  /// Throws INVALID_ARGUMENT for an unknown name.
  Schedule(const ScheduleOptions& options, int64_t steps_per_epoch);
  double factor(int64_t step) const;

 private:
  std::string name_;
  int64_t warmup_steps_, step_size_, total_steps_;
  double gamma_;
};

/// ReduceLROnPlateau: counts epochs without a loss that is better by a relative threshold.
struct Plateau {
  double factor = 1;
  double best = 1e300;
  int64_t bad_epochs = 0;
  void observe(double loss, const ScheduleOptions& options);
};

}  // namespace lrp
