#pragma once

#include <ATen/ATen.h>

#include "../error.h"

namespace lrp {

/// Refuses an output of more than 2^31 numbers before it is made: attributes of a damaged file may ask for any size.
inline void check_size(const std::vector<int64_t>& shape) {
  double numbers = 1;
  for (const int64_t axis : shape) numbers *= static_cast<double>(axis);
  if (numbers <= 2147483648.0) return;
  throw Error("UNSUPPORTED",
              "its output would have the shape " + c10::str(at::IntArrayRef(shape)) + ": it is too large");
}

}  // namespace lrp
