#include <ATen/ATen.h>

#include "../error.h"
#include "catalogue.h"

namespace lrp {

/// A ReLU explained as if it were the softplus log(1 + exp(beta x)) / beta: R times the sigmoid of beta x, which has no
/// kink. Dombrowski et al. 2019; zennit's BetaSmooth. The worked example of docs/extending.md.
Rule beta_smooth(const RuleArguments& a) {
  const double beta = a.settings.number("beta");
  if (!(beta > 0)) throw Error("INVALID_ARGUMENT", "parameter 'beta' must be above 0");
  return {[beta](const Layer& layer, const Tensor& R) -> std::vector<Tensor> {
            return {R * (layer.inputs[0] * beta).sigmoid()};
          },
          false};
}

}  // namespace lrp
