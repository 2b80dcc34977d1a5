#include <ATen/ATen.h>

#include "bounds.h"
#include "catalogue.h"
#include "linear_rule.h"

namespace lrp {

/// z = f(x, W, b) - f(l, W+, b+) - f(h, W-, b-); x fT(R/S(z), W) - l fT(R/S(z), W+) - h fT(R/S(z), W-).
/// For an input layer whose values lie between l and h. Montavon et al. 2017 (z^B).
Rule zbox(const RuleArguments& a) {
  const Stabiliser S = Stabiliser::from(a.settings);
  const bool with_bias = counts_bias(a.settings);
  const Attributes settings = a.settings;
  settings.numbers("low");
  settings.numbers("high");
  return linear_rule(
      [=](const LinearLayer& f, const Tensor& R) {
        const Tensor low = bound_of_input(settings, "low", f.x()), high = bound_of_input(settings, "high", f.x());
        const Tensor bounds =
            f.forward(low, Part::positive(), with_bias) + f.forward(high, Part::negative(), with_bias);
        const Tensor s = ratio(R, f.z(with_bias) - bounds, S);
        // The bias takes s b - s b+ - s b- = 0. With fT(s, W) = fT(s, W+) + fT(s, W-) two gradients are enough.
        return ((f.x() - low).mul_(f.gradient(s, Part::positive())))
            .add_((f.x() - high).mul_(f.gradient(s, Part::negative())));
      },
      false);
}

}  // namespace lrp
