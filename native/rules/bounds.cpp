#include "bounds.h"

#include <ATen/ATen.h>

#include "../error.h"

namespace lrp {

Tensor bound_of_input(const Attributes& settings, const std::string& name, const Tensor& x) {
  const auto values = settings.numbers(name);
  std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
  shape[1] = static_cast<int64_t>(values.size());
  if (shape[1] != 1 && shape[1] != x.size(1)) {
    throw Error("INVALID_ARGUMENT", "parameter '" + name + "' has " + std::to_string(values.size()) +
                                        " entries, but the input has " + std::to_string(x.size(1)) + " channels");
  }
  const Tensor tensor = at::tensor(values, at::kDouble).to(x.options()).view(shape);
  return tensor.expand_as(x.narrow(0, 0, 1)).contiguous();
}

}  // namespace lrp
