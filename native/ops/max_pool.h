#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace lrp {

using at::Tensor;

/// The largest value of every window over the last two axes; without padding and dilation. Differentiable: of equal
/// values, the first in row-major order gets the gradient, as in at::max_pool2d. For contiguous float32 on the CPU,
/// where libtorch compares one value at a time.
Tensor max_pool(const Tensor& x, const std::vector<int64_t>& kernel, const std::vector<int64_t>& stride);

}  // namespace lrp
