#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string>

namespace lrp {

/// A part (top, left, height, width) of what `image` [C, H, W] of bytes becomes when it is resized to `size` (height,
/// width): only that part is computed. By PIL's anti-aliased interpolation in its whole numbers, in planes.
/// The part must lie in the resized image.
at::Tensor resize_part(const at::Tensor& image, std::array<int64_t, 2> size, std::array<int64_t, 4> part,
                       const std::string& interpolation);

}  // namespace lrp
