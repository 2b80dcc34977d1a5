#include <ATen/ATen.h>
#include <ATen/ExpandUtils.h>

#include "../error.h"
#include "../ops/arithmetic.h"
#include "by_autograd.h"
#include "catalogue.h"
#include "linear_rule.h"

namespace lrp {

namespace {

/// x R / S(c) for each summand, with a minus for what a subtraction takes away.
std::vector<Tensor> share_out(const Layer& layer, const Tensor& R, const Stabiliser& S) {
  const auto* sum = dynamic_cast<const Sum*>(&layer.op);
  const Tensor s = ratio(R, layer.output, S);
  std::vector<Tensor> result(layer.inputs.size());
  for (size_t i = 0; i < layer.inputs.size(); ++i) {
    if (!layer.explained[i]) continue;
    const Tensor share = at::sum_to(layer.inputs[i] * s, layer.inputs[i].sizes());
    result[i] = sum && sum->sign(i) < 0 ? -share : share;
  }
  return result;
}

}  // namespace

/// Each input gets its share of the sum: the epsilon rule for sums, averages and sum pooling, residual additions.
Rule norm(const RuleArguments& a) {
  const Stabiliser S = Stabiliser::from(a.settings);
  const Rule by_epsilon = epsilon(a);
  return {[=](const Layer& layer, const Tensor& R) {
            if (layer.op.linear()) return by_epsilon.apply(layer, R);
            const bool is_sum = dynamic_cast<const Sum*>(&layer.op) || dynamic_cast<const Shift*>(&layer.op);
            if (is_sum) return share_out(layer, R, S);
            const std::string& kind = op_record(layer.op_name).kind;
            if (kind == "sum" || kind == "average") return share_by_autograd(layer, R, S);
            throw Error("UNSUPPORTED", "the rule norm applies only to sums and linear layers");
          },
          true};
}

}  // namespace lrp
