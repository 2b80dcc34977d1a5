#include <ATen/ATen.h>

#include "method.h"

namespace lrp {

Explanation gradient_at(const MethodArguments& a, const Tensor& x, const Targets& target) {
  LrpOptions options;
  options.fixed = target;
  options.start = Start::one;
  options.cancel = a.lrp.cancel;
  return explain(a.graph, x, options);
}

/// The gradient of the explained numbers, and of layers that are asked for. Simonyan et al. 2014.
Explanation by_gradient(const MethodArguments& a) {
  LrpOptions options;
  options.target = a.lrp.target;
  options.layers = a.lrp.layers;
  options.start = Start::one;
  options.cancel = a.lrp.cancel;
  return explain(a.graph, a.x, options);
}

/// Shrikumar et al. 2016.
Explanation by_input_x_gradient(const MethodArguments& a) {
  Explanation result = by_gradient(a);
  result.relevance = a.x * result.relevance;
  return result;
}

}  // namespace lrp
