#include <ATen/ATen.h>

#include "catalogue.h"
#include "linear_rule.h"

namespace lrp {

/// x * fT(R / S_eps(f(x, W, b)), W). Bach et al. 2015, equation 58. With a tiny epsilon it is the basic rule, LRP-0.
Rule epsilon(const RuleArguments& a) {
  const Stabiliser S = Stabiliser::from(a.settings);
  const bool with_bias = counts_bias(a.settings);
  return linear_rule(
      [=](const LinearLayer& f, const Tensor& R) {
        const Tensor s = ratio(R, f.z(with_bias), S);
        if (with_bias) f.absorb(s, Part::full());
        return times(f.gradient(s, Part::full()), f.x());
      },
      true);
}

}  // namespace lrp
