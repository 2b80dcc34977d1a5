#include <ATen/ATen.h>

#include "../../error.h"
#include "method.h"

namespace lrp {

namespace {
struct IntegratedGradientsOptions {
  int64_t steps;  // points on the path

  explicit IntegratedGradientsOptions(const Attributes& settings) : steps(settings.integer("steps")) {
    if (steps < 1) throw Error("INVALID_ARGUMENT", "option 'steps' must be 1 or more");
  }
};
}  // namespace

/// (x - b) times the mean gradient at b + (x - b) i / n, i = 1 to n, for the baseline b. Sundararajan et al. 2017.
Explanation by_integrated_gradients(const MethodArguments& a) {
  const IntegratedGradientsOptions options(a.settings);
  const Tensor baseline = checked_baseline(a), way = a.x - baseline;
  Explanation result = asked(a);
  Tensor sum;
  for (int64_t i = 1; i <= options.steps; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(options.steps);
    const Tensor gradient = gradient_at(a, baseline + way * share, result.target).relevance;
    sum = sum.defined() ? sum.add_(gradient) : gradient;
  }
  result.relevance = way * (sum / static_cast<double>(options.steps));
  return result;
}

}  // namespace lrp
