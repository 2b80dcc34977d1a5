#include <ATen/ATen.h>

#include "catalogue.h"
#include "linear_rule.h"

namespace lrp {

/// fT(R / S(f(1, 1, 0)), 1): every input in a window gets the same share. Lapuschkin et al. 2019.
Rule flat(const RuleArguments& a) {
  const Stabiliser S = Stabiliser::from(a.settings);
  return linear_rule(
      [=](const LinearLayer& f, const Tensor& R) {
        const Tensor one_image = at::ones_like(f.x().narrow(0, 0, 1));
        const Tensor z = f.forward(one_image, Part::ones(), false);  // the same for every image
        return f.gradient(ratio(R, z.expand_as(R), S), Part::ones());
      },
      false);
}

/// fT(R / S(f(1, W^2, b^2)), W^2): shares by the squared weights. Montavon et al. 2017.
Rule wsquare(const RuleArguments& a) {
  const Stabiliser S = Stabiliser::from(a.settings);
  const bool with_bias = counts_bias(a.settings);
  return linear_rule(
      [=](const LinearLayer& f, const Tensor& R) {
        const Tensor one_image = at::ones_like(f.x().narrow(0, 0, 1));
        const Tensor z = f.forward(one_image, Part::squared(), with_bias);
        const Tensor s = ratio(R, z.expand_as(R), S);
        if (with_bias) f.absorb(s, Part::squared());
        return f.gradient(s, Part::squared());
      },
      false);
}

}  // namespace lrp
