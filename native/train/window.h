#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace lrp {

/// Where the window of each image begins in the image with `padding` black pixels on every side, and whether the window is
/// mirrored then: one entry per image.
struct Windows {
  int64_t padding = 0;
  std::vector<int64_t> top, left, flip_x, flip_y;
};

/// The windows, of the images' own size, of images [N, C, H, W] of bytes or floats. On the CPU row by row, which takes a
/// tenth of the time of gathering pixels.
at::Tensor cut_windows(const at::Tensor& images, const Windows& windows);

}  // namespace lrp
