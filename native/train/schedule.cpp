#include "schedule.h"

#include <algorithm>
#include <cmath>

#include "../error.h"

namespace lrp {

namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kWarmupFrom = 0.01;
constexpr double kBetter = 1e-4;  // plateau: a loss that is lower by this share is better, as PyTorch has it

double cosine(double from, double to, double share) { return to + (from - to) * (1 + std::cos(kPi * share)) / 2; }

double one_cycle(double step, double total) {
  constexpr double kStart = 1.0 / 25, kEnd = kStart / 1e4, kUp = 0.3;
  const double top = kUp * total - 1;
  if (step <= top) return cosine(kStart, 1, step / top);
  return cosine(1, kEnd, std::min(1.0, (step - top) / (total - 1 - top)));
}

}  // namespace

double schedule_factor(const ScheduleOptions& o, int64_t step) {
  if (step < o.warmup_steps) {
    return kWarmupFrom + (1 - kWarmupFrom) * static_cast<double>(step) / static_cast<double>(o.warmup_steps);
  }
  const int64_t since = step - o.warmup_steps;
  const auto s = static_cast<double>(since);
  const auto total = static_cast<double>(std::max<int64_t>(1, o.total_steps - o.warmup_steps));
  if (o.name == "constant" || o.name == "plateau") return 1;
  if (o.name == "step") return std::pow(o.gamma, static_cast<double>(since / std::max<int64_t>(1, o.step_size)));
  if (o.name == "cosine") return cosine(1, 0, std::min(1.0, s / total));
  if (o.name == "one-cycle") return one_cycle(s, total);
  throw Error("INVALID_ARGUMENT", "there is no schedule '" + o.name + "'");
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
