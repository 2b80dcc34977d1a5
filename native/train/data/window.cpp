#include "window.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "../../error.h"

namespace lrp {

namespace {

using at::Tensor;

/// One window out of a plane [height, width].
template <typename T>
void cut_plane(const T* from, T* to, int64_t height, int64_t width, const Windows& w, size_t image) {
  const int64_t right = w.left[image] - w.padding;
  const int64_t first = std::clamp<int64_t>(-right, 0, w.width),
                last = std::clamp<int64_t>(width - right, first, w.width);
  for (int64_t y = 0; y < w.height; ++y, to += w.width) {
    const int64_t row = w.top[image] - w.padding + (w.flip_y[image] ? w.height - 1 - y : y);
    if (row < 0 || row >= height) {
      std::fill_n(to, w.width, T{0});
      continue;
    }
    std::fill(to, to + first, T{0});
    std::copy(from + row * width + right + first, from + row * width + right + last, to + first);
    std::fill(to + last, to + w.width, T{0});
    if (w.flip_x[image]) std::reverse(to, to + w.width);
  }
}

template <typename T>
Tensor cut_rows(const Tensor& given, const Windows& windows) {
  const Tensor images = given.contiguous();
  const int64_t channels = images.size(1), height = images.size(2), width = images.size(3);
  Tensor result = at::empty({images.size(0), channels, windows.height, windows.width}, images.options());
  const int64_t plane = height * width, window = windows.height * windows.width;
  const T* from = images.const_data_ptr<T>();
  T* to = result.mutable_data_ptr<T>();
  at::parallel_for(
      0, images.size(0) * channels, 1 + (1 << 16) / std::max<int64_t>(window, 1), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          cut_plane(from + i * plane, to + i * window, height, width, windows, static_cast<size_t>(i / channels));
        }
      });
  return result;
}

/// Start of the window and direction, per image, as positions along one axis: [N, size].
Tensor positions(const std::vector<int64_t>& start, const std::vector<int64_t>& flip, int64_t size,
                 const Tensor& like) {
  const auto column = [&](const std::vector<int64_t>& values) {
    return at::tensor(values).view({-1, 1}).to(like.device(), true);
  };
  const Tensor along = at::arange(size, like.options().dtype(at::kLong)).unsqueeze(0);
  return column(start) + along + column(flip) * (size - 1 - 2 * along);
}

Tensor gather_pixels(const Tensor& images, const Windows& w) {
  const int64_t n = images.size(0), c = images.size(1), p = w.padding;
  const Tensor padded = p > 0 ? at::constant_pad_nd(images, {p, p, p, p}, 0) : images;
  const auto index = images.options().dtype(at::kLong);
  const Tensor rows = positions(w.top, w.flip_y, w.height, images).view({n, 1, -1, 1});
  const Tensor columns = positions(w.left, w.flip_x, w.width, images).view({n, 1, 1, -1});
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

Windows middle_windows(const Tensor& images, int64_t height, int64_t width) {
  const auto start = [&](int64_t axis, int64_t size) {
    const int64_t room = images.size(axis) - size;
    if (room < 0) throw Error("INVALID_ARGUMENT", "the images are smaller than the network's input");
    return static_cast<int64_t>(std::nearbyint(static_cast<double>(room) / 2));
  };
  const std::vector<int64_t> none(static_cast<size_t>(images.size(0)), 0);
  Windows windows{height, width, 0, none, none, none, none};
  std::fill(windows.top.begin(), windows.top.end(), start(2, height));
  std::fill(windows.left.begin(), windows.left.end(), start(3, width));
  return windows;
}

}  // namespace lrp
