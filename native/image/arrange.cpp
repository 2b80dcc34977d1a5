#include "arrange.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "../error.h"
#include "resize_part.h"

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

/// 0.299 red, 0.587 green and 0.114 blue of an image [3, H, W], in PIL's whole numbers.
Tensor to_grey(const Tensor& image) {
  const int64_t height = image.size(1), width = image.size(2);
  const Tensor result = at::empty({1, height, width}, image.options());
  uint8_t* to = result.mutable_data_ptr<uint8_t>();
  const auto* pixels = image.const_data_ptr<uint8_t>();
  const int64_t next = image.stride(0), down = image.stride(1), along = image.stride(2);
  for (int64_t y = 0; y < height; ++y) {
    const uint8_t* from = pixels + y * down;
    for (int64_t x = 0; x < width; ++x, from += along) {
      *to++ = (from[0] * 19595u + from[next] * 38470u + from[2 * next] * 7471u + 0x8000u) >> 16;
    }
  }
  return result;
}

Tensor resized(const Tensor& image, at::IntArrayRef size, const std::string& interpolation) {
  const Tensor batch = image.unsqueeze(0);
  if (interpolation == "nearest") return at::_upsample_nearest_exact2d(batch, size).squeeze(0);
  if (interpolation == "bilinear") return at::_upsample_bilinear2d_aa(batch, size, false).squeeze(0);
  if (interpolation == "bicubic") return at::_upsample_bicubic2d_aa(batch, size, false).squeeze(0);
  throw Error("INVALID_ARGUMENT",
              "the interpolation must be nearest, bilinear or bicubic, not '" + interpolation + "'");
}

/// Where a crop keeps less than one in so many pixels of the resized image, only those are computed: ATen's own
/// resizing is faster, but makes the whole image.
constexpr int64_t kCutOff = 4;

bool cuts_most(const std::array<int64_t, 4>& crop, int64_t height, int64_t width) {
  return crop[2] * crop[3] < height * width / kCutOff;
}

void check_crop(const std::array<int64_t, 4>& crop, int64_t height, int64_t width) {
  const auto [top, left, rows, columns] = crop;
  if (top >= 0 && left >= 0 && rows > 0 && columns > 0 && top + rows <= height && left + columns <= width) return;
  throw Error("INVALID_ARGUMENT", "the crop is not inside the image");
}

}  // namespace

void arrange(const Tensor& given, const Arrangement& wanted, const Tensor& result) {
  Tensor image = given.size(0) > 3 ? given.narrow(0, 0, 3) : given;
  if (result.size(0) == 1 && image.size(0) == 3) image = to_grey(image);
  const auto [height, width] = wanted.resize.value_or(std::array<int64_t, 2>{image.size(1), image.size(2)});
  const bool resizes = image.size(1) != height || image.size(2) != width;
  if (wanted.crop) check_crop(*wanted.crop, height, width);
  if (wanted.crop && resizes && cuts_most(*wanted.crop, height, width)) {
    image = resize_part(image, {height, width}, *wanted.crop, wanted.interpolation);
  } else {
    if (resizes) image = resized(image, {height, width}, wanted.interpolation);
    if (wanted.crop)
      image = image.narrow(1, (*wanted.crop)[0], (*wanted.crop)[2]).narrow(2, (*wanted.crop)[1], (*wanted.crop)[3]);
  }
  if (result.size(1) != image.size(1) || result.size(2) != image.size(2)) {
    throw Error("INVALID_ARGUMENT", "the arranged image does not have the size of the array that it is written to");
  }
  to_planes(image, result);
}

}  // namespace lrp
