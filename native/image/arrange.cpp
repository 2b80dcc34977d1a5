#include "arrange.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "../error.h"

namespace lrp {

namespace {

using at::Tensor;

/// Planes one after the other; where there are fewer than wanted, the last is repeated. A loop of its own, because
/// ATen's copy would wake threads for every image.
void to_planes(const Tensor& image, const Tensor& result) {
  const int64_t height = image.size(1), width = image.size(2);
  uint8_t* to = result.mutable_data_ptr<uint8_t>();
  for (int64_t c = 0; c < result.size(0); ++c) {
    const Tensor plane = image.select(0, std::min(c, image.size(0) - 1));
    const auto* from = plane.const_data_ptr<uint8_t>();
    const int64_t down = plane.stride(0), along = plane.stride(1);
    for (int64_t y = 0; y < height; ++y, from += down) {
      for (int64_t x = 0; x < width; ++x) *to++ = from[x * along];
    }
  }
}

}  // namespace

void arrange(const Tensor& given, const Arrangement& wanted, const Tensor& result) {
  Tensor image = given;
  if (wanted.resize) {
    const auto [height, width] = *wanted.resize;
    if (image.size(1) != height || image.size(2) != width) {
      image = at::_upsample_bilinear2d_aa(image.unsqueeze(0), {height, width}, false).squeeze(0);
    }
  }
  if (wanted.crop) {
    const auto [top, left, height, width] = *wanted.crop;
    if (top < 0 || left < 0 || top + height > image.size(1) || left + width > image.size(2)) {
      throw Error("INVALID_ARGUMENT", "the crop does not lie in the image");
    }
    image = image.narrow(1, top, height).narrow(2, left, width);
  }
  if (result.size(1) != image.size(1) || result.size(2) != image.size(2)) {
    throw Error("INVALID_ARGUMENT", "the arranged image has another size than its place");
  }
  to_planes(image, result);
}

}  // namespace lrp
