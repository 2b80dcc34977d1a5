#include <ATen/ATen.h>

#include "../error.h"
#include "catalogue.h"
#include "linear_rule.h"
#include "two_signs.h"

namespace lrp {

/// Contributions that have the sign of the output are boosted by gamma. Montavon et al. 2019 for inputs >= 0; the form
/// for inputs and outputs of any sign is zennit's: W + g W+ and W + g W- change places with the sign. Here it takes
/// one forward pass and two gradients (two_signs.h): with s where z > 0 and t where z < 0,
/// (1 + g/2) x fT(s + t, W) + g/2 |x| fT(s - t, |W|).
Rule gamma(const RuleArguments& a) {
  const double g = a.settings.number("gamma");
  if (!(g >= 0)) throw Error("INVALID_ARGUMENT", "parameter 'gamma' must be 0 or more");
  const Stabiliser S = Stabiliser::from(a.settings);
  const bool with_bias = counts_bias(a.settings);
  return linear_rule(
      [=](const LinearLayer& f, const Tensor& R) {
        if (f.nonnegative_input() && f.dead_below_zero()) {  // half of the form vanishes, and half of the rest
          const Part boosted = Part::split(1 + g, 1);
          const Tensor s = ratio(R, f.forward(f.x(), boosted, with_bias), S);
          if (with_bias) f.absorb(s, boosted);
          return times(f.gradient(s, boosted), f.x());
        }
        const TwoShares shares = gamma_shares(R, f.z(with_bias), f.absolute_z(with_bias), f.z(), g, S);
        if (with_bias) f.absorb(shares.first, Part::split(1 + g / 2, 1 + g / 2));
        if (with_bias) f.absorb(shares.second, Part::split(g / 2, -g / 2));
        return join_shares(f.x(), f.gradient(shares.first, Part::full()), 1 + g / 2,
                           f.gradient(shares.second, Part::absolute()), g / 2);
      },
      true);
}

}  // namespace lrp
