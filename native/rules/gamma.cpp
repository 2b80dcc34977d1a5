#include <ATen/ATen.h>

#include "../error.h"
#include "catalogue.h"
#include "linear_rule.h"

namespace lrp {

namespace {

/// R / S(z + g P) where z > 0, R / S(z + g N) where z < 0, nothing where z = 0; P and N = z - P are the positive and
/// negative contributions. `sign` is z with the bias, `z` may be without.
Tensor boosted_ratio(const Tensor& R, const Tensor& z, Tensor P, const Tensor& sign, double g, const Stabiliser& S) {
  const Tensor denominator = at::where(sign.gt(0), z + g * P, z + g * (z - P));
  return ratio(R, denominator, S).masked_fill_(sign.eq(0), 0);
}

}  // namespace

/// Contributions that have the sign of the output are boosted by gamma. Montavon et al. 2019 for inputs >= 0; the form
/// for inputs and outputs of any sign is zennit's: W + g W+ and W + g W- change places with the sign.
Rule gamma(const RuleArguments& a) {
  const double g = a.settings.number("gamma", 0.25);
  if (!(g >= 0)) throw Error("INVALID_ARGUMENT", "gamma must be 0 or more");
  const Stabiliser S = Stabiliser::from(a.settings);
  const bool with_bias = counts_bias(a.settings);
  return linear_rule(
      [=](const LinearLayer& f, const Tensor& R) {
        const Part boosted = Part::boosted_positive(g), lessened = Part::boosted_negative(g);
        if (f.nonnegative_input() && f.dead_below_zero()) {
          const Tensor s = ratio(R, f.forward(f.x(), boosted, with_bias), S);
          if (with_bias) f.absorb(s, boosted);
          return times(f.gradient(s, boosted), f.x());
        }
        if (f.dead_below_zero()) {  // no output below zero carries relevance: half of the form vanishes
          const Tensor s = ratio(R, f.positive_z(with_bias).mul_(g).add_(f.z(with_bias)), S);
          if (with_bias) f.absorb(s, boosted);
          return times(f.gradient(s, boosted), f.x_positive()).add_(times(f.gradient(s, lessened), f.x_negative()));
        }
        const Tensor sign = f.z();
        const Tensor s = boosted_ratio(R, f.z(with_bias), f.positive_z(with_bias), sign, g, S);
        const Tensor above = s.masked_fill(sign.lt(0), 0), below = s.masked_fill(sign.gt(0), 0);
        if (with_bias) f.absorb(above, boosted);
        if (with_bias) f.absorb(below, lessened);
        Tensor result = times(f.gradient(above, boosted).add_(f.gradient(below, lessened)), f.x_positive());
        if (f.nonnegative_input()) return result;
        return result.add_(times(f.gradient(above, lessened).add_(f.gradient(below, boosted)), f.x_negative()));
      },
      true);
}

}  // namespace lrp
