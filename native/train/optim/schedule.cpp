#include "schedule.h"

#include <algorithm>
#include <cmath>

#include "../../error.h"

namespace lrp {

namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kWarmupFrom = 0.01;
constexpr double kBetter = 1e-4;  // plateau: a loss that is lower by this share is better, as PyTorch has it

int64_t steps_of(double epochs, int64_t steps_per_epoch) {
  return std::llround(epochs * static_cast<double>(steps_per_epoch));
}

double cosine(double from, double to, double share) { return to + (from - to) * (1 + std::cos(kPi * share)) / 2; }

double one_cycle(double step, double total) {
  constexpr double kStart = 1.0 / 25, kEnd = kStart / 1e4, kUp = 0.3;
  const double top = kUp * total - 1;
  if (step <= top) return cosine(kStart, 1, step / top);
  return cosine(1, kEnd, std::min(1.0, (step - top) / (total - 1 - top)));
}

}  // namespace

Schedule::Schedule(const ScheduleOptions& o, int64_t steps_per_epoch)
    : name_(o.name),
      warmup_steps_(steps_of(o.warmup_epochs, steps_per_epoch)),
      step_size_(std::max<int64_t>(1, steps_of(o.step_epochs, steps_per_epoch))),
      total_steps_(steps_of(o.epochs, steps_per_epoch)),
      gamma_(o.gamma) {
  const auto names = {"constant", "step", "cosine", "one-cycle", "plateau"};
  if (std::find(names.begin(), names.end(), name_) == names.end())
    throw Error("INVALID_ARGUMENT", "there is no scheduler '" + name_ + "'");
}

double Schedule::factor(int64_t step) const {
  if (step < warmup_steps_) {
    return kWarmupFrom + (1 - kWarmupFrom) * static_cast<double>(step) / static_cast<double>(warmup_steps_);
  }
  const int64_t since = step - warmup_steps_;
  const auto s = static_cast<double>(since);
  const auto total = static_cast<double>(std::max<int64_t>(1, total_steps_ - warmup_steps_));
  if (name_ == "step") return std::pow(gamma_, static_cast<double>(since / step_size_));
  if (name_ == "cosine") return cosine(1, 0, std::min(1.0, s / total));
  if (name_ == "one-cycle") return one_cycle(s, total);
  return 1;
}

void Plateau::observe(double loss, const ScheduleOptions& options) {
  if (loss < best * (1 - kBetter)) {
    best = loss;
    bad_epochs = 0;
  } else if (++bad_epochs > options.patience) {
    factor *= options.gamma;
    bad_epochs = 0;
  }
}

}  // namespace lrp
