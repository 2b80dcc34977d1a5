#include <ATen/ATen.h>

#include "catalogue.h"

namespace lrp {

/// The gradient of a ReLU where the gradient that arrives is positive, else 0. Springenberg et al. 2015.
Rule guided_backprop(const RuleArguments&) {
  return {[](const Layer& layer, const Tensor& R) -> std::vector<Tensor> {
            return {R.clamp_min(0).masked_fill_(layer.inputs[0].le(0), 0)};
          },
          false};
}

/// What arrives, where it is positive, whatever the input was. Zeiler and Fergus 2014.
Rule deconvnet(const RuleArguments&) {
  return {[](const Layer&, const Tensor& R) -> std::vector<Tensor> { return {R.clamp_min(0)}; }, false};
}

}  // namespace lrp
