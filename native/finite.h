#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>

namespace lrp {

/// The exponent of a float32 that is infinite or not a number has no zeros.
inline bool few_are_finite(const at::Tensor& values) {
  constexpr uint32_t kExponent = 0x7f800000;
  const auto* bits = static_cast<const uint32_t*>(values.const_data_ptr());
  bool found = false;
  for (int64_t i = 0; i < values.numel(); ++i) found |= (bits[i] & kExponent) == kExponent;
  return !found;
}

/// Whether all values are finite; at::isfinite would take as much memory again as the tensor.
inline bool all_finite(const at::Tensor& values) {
  constexpr int64_t kFew = 8192;  // below this, calling at::aminmax takes longer than looking
  if (!values.is_floating_point() || values.numel() == 0) return true;
  if (values.numel() <= kFew && values.is_cpu() && values.scalar_type() == at::kFloat && values.is_contiguous()) {
    return few_are_finite(values);
  }
  const auto [lowest, highest] = at::aminmax(values);
  return std::isfinite(lowest.item<double>()) && std::isfinite(highest.item<double>());
}

}  // namespace lrp
