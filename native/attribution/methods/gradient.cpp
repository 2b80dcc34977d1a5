#include <ATen/ATen.h>

#include "../../error.h"
#include "method.h"

namespace lrp {

namespace {

void refuse_tokens(const MethodArguments& a) {
  if (a.lrp.lookups.empty()) return;
  throw Error("UNSUPPORTED",
              "tokens have no gradient: use the method lrp, input-x-gradient, attention-rollout, chefer or random");
}

LrpOptions plain_gradient(const MethodArguments& a) {
  LrpOptions options;
  options.target = a.lrp.target;
  options.layers = a.lrp.layers;
  options.start = Start::one;
  options.cancel = a.lrp.cancel;
  return options;
}

}  // namespace

Explanation gradient_at(const MethodArguments& a, const Tensor& x, const Targets& target) {
  refuse_tokens(a);
  LrpOptions options;
  options.fixed = target;
  options.start = Start::one;
  options.cancel = a.lrp.cancel;
  return explain(a.graph, x, options);
}

/// The gradient of the explained numbers, and of layers that are asked for. Simonyan et al. 2014.
Explanation by_gradient(const MethodArguments& a) {
  refuse_tokens(a);
  return explain(a.graph, a.x, plain_gradient(a));
}

/// Shrikumar et al. 2016. Of a token: the sum over what was looked up for it.
Explanation by_input_x_gradient(const MethodArguments& a) {
  LrpOptions options = plain_gradient(a);
  options.lookups = a.lrp.lookups;
  options.times_embedding = true;
  Explanation result = explain(a.graph, a.x, options);
  if (a.lrp.lookups.empty()) result.relevance = a.x * result.relevance;
  for (auto& [name, relevance] : result.inputs) {
    relevance = relevance * rows_of(a.graph.nodes()[static_cast<size_t>(a.graph.index(name))], a.x);
  }
  return result;
}

}  // namespace lrp
