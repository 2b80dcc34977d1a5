#include "window.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

namespace lrp {

namespace {

using at::Tensor;

/// One plane [height, width].
template <typename T>
void cut_plane(const T* from, T* to, int64_t height, int64_t width, const Windows& w, size_t image) {
  const int64_t right = w.left[image] - w.padding;
  const int64_t first = std::clamp<int64_t>(-right, 0, width), last = std::clamp<int64_t>(width - right, first, width);
  for (int64_t y = 0; y < height; ++y, to += width) {
    const int64_t row = w.top[image] - w.padding + (w.flip_y[image] ? height - 1 - y : y);
    if (row < 0 || row >= height) {
      std::fill_n(to, width, T{0});
      continue;
    }
    std::fill(to, to + first, T{0});
    std::copy(from + row * width + right + first, from + row * width + right + last, to + first);
    std::fill(to + last, to + width, T{0});
    if (w.flip_x[image]) std::reverse(to, to + width);
  }
}

template <typename T>
Tensor cut_rows(const Tensor& given, const Windows& windows) {
  const Tensor images = given.contiguous();
  Tensor result = at::empty_like(images, at::MemoryFormat::Contiguous);
  const int64_t channels = images.size(1), height = images.size(2), width = images.size(3), plane = height * width;
  const T* from = images.const_data_ptr<T>();
  T* to = result.mutable_data_ptr<T>();
  at::parallel_for(0, images.size(0) * channels, 1 + (1 << 16) / std::max<int64_t>(plane, 1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      cut_plane(from + i * plane, to + i * plane, height, width, windows, static_cast<size_t>(i / channels));
    }
  });
  return result;
}

/// Start of the window and direction, per image, as positions along one axis: [N, size].
Tensor positions(const std::vector<int64_t>& start, const std::vector<int64_t>& flip, int64_t size, const Tensor& like) {
  const auto column = [&](const std::vector<int64_t>& values) { return at::tensor(values).view({-1, 1}).to(like.device()); };
  const Tensor along = at::arange(size, like.options().dtype(at::kLong)).unsqueeze(0);
  return column(start) + along + column(flip) * (size - 1 - 2 * along);
}

Tensor gather_pixels(const Tensor& images, const Windows& w) {
  const int64_t n = images.size(0), c = images.size(1), p = w.padding;
  const Tensor padded = p > 0 ? at::constant_pad_nd(images, {p, p, p, p}, 0) : images;
  const auto index = images.options().dtype(at::kLong);
  const Tensor rows = positions(w.top, w.flip_y, images.size(2), images).view({n, 1, -1, 1});
  const Tensor columns = positions(w.left, w.flip_x, images.size(3), images).view({n, 1, 1, -1});
  const Tensor image = at::arange(n, index).view({n, 1, 1, 1});
  const Tensor channel = at::arange(c, index).view({1, c, 1, 1});
  return at::index(padded, {image, channel, rows, columns});
}

}  // namespace

Tensor cut_windows(const Tensor& images, const Windows& windows) {
  if (images.device().is_cpu() && images.scalar_type() == at::kByte) return cut_rows<uint8_t>(images, windows);
  if (images.device().is_cpu() && images.scalar_type() == at::kFloat) return cut_rows<float>(images, windows);
  return gather_pixels(images, windows);
}

}  // namespace lrp
