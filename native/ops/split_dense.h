#pragma once
#include <ATen/core/Tensor.h>

#include "linear_map.h"

namespace lrp {

/// Dense layers of large networks (VGG's first: 411 MB) with parts of their weights, on the CPU for few images. The
/// part is taken while the weights stream by: no copy of them is made or read. Rows whose gradient is zero are not
/// read.
bool fits_split_dense(const Tensor& x, const Tensor& weight, Part part);

/// x W'^T: x [..., inputs], W [outputs, inputs].
Tensor split_dense_forward(const Tensor& x, const Tensor& weight, Part part);

/// g W': g [..., outputs].
Tensor split_dense_gradient(const Tensor& g, const Tensor& weight, Part part);

}  // namespace lrp
