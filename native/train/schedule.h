#pragma once
#include <cstdint>
#include <string>

namespace lrp {

/// How the learning rate changes over a run. Steps are optimizer steps.
struct ScheduleOptions {
  /// constant, step, cosine, one-cycle, plateau
  std::string name = "constant";
  /// Steps at the start over which the rate rises linearly from a hundredth of it (torch's LinearLR).
  int64_t warmup_steps = 0;
  /// step: multiply by gamma every so many steps. plateau: multiply by gamma.
  int64_t step_size = 1;
  double gamma = 0.1;
  /// plateau: epochs without a better validation loss before the rate falls.
  int64_t patience = 10;
  /// All optimizer steps of the run.
  int64_t total_steps = 1;
};

/// Factor of the learning rate at a step, as PyTorch's schedulers define it: StepLR, CosineAnnealingLR (down to 0),
/// OneCycleLR (30 % up from 1/25, cosine, down to 1/250,000; the rate is its maximum). `plateau` is constant here: see
/// Plateau. Throws INVALID_ARGUMENT for an unknown name.
double schedule_factor(const ScheduleOptions& options, int64_t step);

/// ReduceLROnPlateau: counts epochs without a loss that is better by a relative threshold.
struct Plateau {
  double factor = 1;
  double best = 1e300;
  int64_t bad_epochs = 0;
  void observe(double loss, const ScheduleOptions& options);
};

}  // namespace lrp
