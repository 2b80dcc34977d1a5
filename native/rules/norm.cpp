#include <ATen/ATen.h>
#include <ATen/ExpandUtils.h>

#include "../error.h"
#include "catalogue.h"
#include "linear_rule.h"

namespace lrp {

namespace {

/// x R / S(c) for each summand, with a minus for what a subtraction takes away.
std::vector<Tensor> share_out(const Layer& layer, const Tensor& R, const Stabiliser& S) {
  if (layer.op_name != "add" && layer.op_name != "sub" && layer.op_name != "add_scalar") {
    throw Error("UNSUPPORTED", "this rule is for sums and linear layers");
  }
  const Tensor s = ratio(R, layer.output, S);
  std::vector<Tensor> result(layer.inputs.size());
  for (size_t i = 0; i < layer.inputs.size(); ++i) {
    if (!layer.explained[i]) continue;
    const Tensor share = at::sum_to(layer.inputs[i] * s, layer.inputs[i].sizes());
    result[i] = layer.op_name == "sub" && i == 1 ? -share : share;
  }
  return result;
}

}  // namespace

/// Each input gets its share of the sum: the epsilon rule for sums, averages and sum pooling, residual additions.
Rule norm(const RuleArguments& a) {
  const Stabiliser S = Stabiliser::from(a.settings);
  const Rule by_epsilon = epsilon(a);
  return {[=](const Layer& layer, const Tensor& R) {
            return layer.op.linear() ? by_epsilon.apply(layer, R) : share_out(layer, R, S);
          },
          true};
}

}  // namespace lrp
