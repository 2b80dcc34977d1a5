#pragma once
#include <ATen/core/Tensor.h>

namespace lrp {

using at::Tensor;

/// x W^T + b over the last axis; `bias` may be undefined. Computed by the faster of the two libraries that libtorch has
/// for it (docs/decisions/023-two-libraries-for-products.md).
Tensor dense_forward(const Tensor& x, const Tensor& weight, const Tensor& bias);

}  // namespace lrp
