#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <optional>

namespace lrp {

struct Arrangement {
  /// Height and width.
  std::optional<std::array<int64_t, 2>> resize;
  /// Top, left, height, width of a part of the resized image.
  std::optional<std::array<int64_t, 4>> crop;
};

/// An image of bytes [C, H, W], in any memory order, resized, cropped, and written to `result` as [C, H, W] in planes.
/// Resizing is by anti-aliased linear interpolation on bytes, as PIL's and so torchvision's. Uses no threads but the
/// caller's. Throws INVALID_ARGUMENT when the crop does not lie in the image, or the result has another size.
void arrange(const at::Tensor& image, const Arrangement& wanted, const at::Tensor& result);

}  // namespace lrp
