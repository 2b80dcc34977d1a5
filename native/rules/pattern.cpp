#include <ATen/ATen.h>

#include "../error.h"
#include "catalogue.h"
#include "linear_rule.h"

namespace lrp {

namespace {

/// Each image's relevance divided by its largest magnitude, as TorchLRP does between convolutions.
Tensor normalised(const Tensor& R) {
  if (R.dim() <= 2) return R;
  std::vector<int64_t> shape(static_cast<size_t>(R.dim()), 1);
  shape[0] = R.size(0);
  const Tensor largest = R.abs().flatten(1).amax(1).view(shape);
  return (R / largest.masked_fill(largest.eq(0), 1)).clamp_(-1, 1);
}

Rule pattern_rule(const RuleArguments& a, bool times_weight) {
  const Tensor pattern = a.pattern;
  const bool normalise = a.settings.flag("normalise");
  if (!pattern.defined())
    throw Error("INVALID_ARGUMENT", "the pattern rules need fitted patterns: run fit-patterns first");
  return linear_rule(
      [=](const LinearLayer& f, const Tensor& R) {
        if (pattern.sizes() != f.weight().sizes()) {
          throw Error("INVALID_ARGUMENT", "the pattern has shape " + c10::str(pattern.sizes()) +
                                              ", but the layer's weight has shape " + c10::str(f.weight().sizes()));
        }
        const Tensor result = f.gradient(R, times_weight ? pattern * f.weight() : pattern);
        return normalise ? normalised(result) : result;
      },
      false);
}

}  // namespace

/// fT(R, A), A the fitted pattern of signal. Kindermans et al. 2018.
Rule patternnet(const RuleArguments& a) { return pattern_rule(a, false); }

/// fT(R, A * W). Kindermans et al. 2018.
Rule patternattribution(const RuleArguments& a) { return pattern_rule(a, true); }

/// Relevance unchanged but for its shape and, with `normalise`, its scale: flattening between pattern rules.
Rule pass(const RuleArguments& a) {
  const bool normalise = a.settings.flag("normalise");
  return {[normalise](const Layer& layer, const Tensor& R) -> std::vector<Tensor> {
            const Tensor& x = layer.inputs[0];
            if (R.numel() != x.numel())
              throw Error("UNSUPPORTED", "the rule pass needs a layer whose input has as many values as its output");
            const Tensor same = R.sizes() == x.sizes() ? R : R.reshape(x.sizes());
            return {normalise ? normalised(same) : same};
          },
          false};
}

}  // namespace lrp
