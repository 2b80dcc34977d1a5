#pragma once

#include <ATen/ATen.h>

#include <cmath>

namespace lrp {

/// Whether all values are finite; at::isfinite would take as much memory again as the tensor.
inline bool all_finite(const at::Tensor& values) {
  if (!values.is_floating_point() || values.numel() == 0) return true;
  const auto [lowest, highest] = at::aminmax(values);
  return std::isfinite(lowest.item<double>()) && std::isfinite(highest.item<double>());
}

}  // namespace lrp
