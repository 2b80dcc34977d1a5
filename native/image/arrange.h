#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace lrp {

struct Arrangement {
  /// Height and width.
  std::optional<std::array<int64_t, 2>> resize;
  /// How pixels are made in resizing: nearest, bilinear or bicubic.
  std::string interpolation;
  /// Top, left, height, width of a part of the resized image.
  std::optional<std::array<int64_t, 4>> crop;
};

/// An image of bytes [C, H, W], in any memory order, resized, cropped, and written to `result` as [C, H, W] in planes.
/// Channels after the third are transparency and do not count. Where the result has one channel, colours become PIL's
/// L first. Resizing is by PIL's (and so torchvision's) anti-aliased interpolation on bytes, to one step. Uses no
/// threads but the caller's. Throws INVALID_ARGUMENT when the crop is not inside the image, or the result has another
/// size, or there is no such interpolation.
void arrange(const at::Tensor& image, const Arrangement& wanted, const at::Tensor& result);

}  // namespace lrp
