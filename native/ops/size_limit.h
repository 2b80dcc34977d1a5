#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "../error.h"
#include "attributes.h"

namespace lrp {

/// Limits for what a damaged or hostile file may ask for, checked before anything is made.

/// Numbers per image and node, and per node.
constexpr double kMostPerImage = 1 << 28;
constexpr double kMostInAll = 2147483648.0;
/// Steps and paddings of windows: kernels of libtorch crash on larger ones.
constexpr int64_t kLargestStep = 1 << 12;
constexpr int64_t kLargestKernel = 1 << 16;

/// Refuses an array of more than 2^28 numbers along the axes after the first, or of more than 2^31 in all.
inline void check_size(at::IntArrayRef shape, const char* what = "its output would have") {
  double numbers = 1;
  for (const int64_t axis : shape) numbers *= static_cast<double>(axis);
  const double images = shape.empty() ? 1 : static_cast<double>(std::max<int64_t>(shape[0], 1));
  if (numbers <= kMostInAll && numbers / images <= kMostPerImage) return;
  throw Error("UNSUPPORTED", std::string(what) + " the shape " + c10::str(shape) + ", which is too large");
}

/// a / b, rounded down; b is not 0.
inline int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0); }

/// An attribute of a window, one number per axis: `stride`, `dilation`, `padding`, `kernel_size`.
inline std::vector<int64_t> window_attribute(const Attributes& attributes, const std::string& name, size_t axes) {
  auto values = attributes.integers(name, axes);
  const int64_t largest = name == "kernel_size" ? kLargestKernel : kLargestStep;
  const int64_t least = name.find("padding") == std::string::npos ? 1 : 0;
  for (const int64_t value : values) {
    if (value >= least && value <= largest) continue;
    throw Error("UNSUPPORTED", "attribute '" + name + "' is " + std::to_string(value) + ": it must be from " +
                                   std::to_string(least) + " to " + std::to_string(largest));
  }
  return values;
}
inline std::vector<int64_t> window_attribute(const Attributes& attributes, const std::string& name, size_t axes,
                                             int64_t fallback) {
  return attributes.has(name) ? window_attribute(attributes, name, axes) : std::vector<int64_t>(axes, fallback);
}

}  // namespace lrp
