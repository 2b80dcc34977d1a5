#include "patches.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>

#include "../ops/size_limit.h"

namespace lrp {

namespace {

/// A box of numbers [height, width, channels] somewhere in a plane.
struct Piece {
  int64_t top, left, height, width;
  float* data;
};

/// Copies where two pieces overlap.
void copy_overlap(const Piece& from, const Piece& to, int64_t channels) {
  const int64_t top = std::max(from.top, to.top), bottom = std::min(from.top + from.height, to.top + to.height);
  const int64_t left = std::max(from.left, to.left), right = std::min(from.left + from.width, to.left + to.width);
  if (left >= right) return;
  for (int64_t y = top; y < bottom; ++y) {
    std::memcpy(to.data + ((y - to.top) * to.width + left - to.left) * channels,
                from.data + ((y - from.top) * from.width + left - from.left) * channels,
                static_cast<size_t>((right - left) * channels) * sizeof(float));
  }
}

}  // namespace

void BoxBuilder::add(int64_t top, int64_t left, int64_t bottom, int64_t right) {
  boxes_.push_back({top, left, bottom, right});
}

Boxes BoxBuilder::fitted(int64_t height, int64_t width) const {
  Boxes result;
  for (const Box& box : boxes_) {
    result.height = std::max(result.height, box.bottom - box.top);
    result.width = std::max(result.width, box.right - box.left);
  }
  for (const Box& box : boxes_) {
    result.top.push_back(std::max<int64_t>(0, std::min(box.top, height - result.height)));
    result.left.push_back(std::max<int64_t>(0, std::min(box.left, width - result.width)));
  }
  return result;
}

Boxes around(const Boxes& a, const Boxes& b, int64_t height, int64_t width) {
  BoxBuilder builder;
  for (size_t i = 0; i < a.top.size(); ++i) {
    builder.add(std::min(a.top[i], b.top[i]), std::min(a.left[i], b.left[i]),
                std::max(a.top[i] + a.height, b.top[i] + b.height), std::max(a.left[i] + a.width, b.left[i] + b.width));
  }
  return builder.fitted(height, width);
}

Boxes seeing(const Boxes& input, const WindowShape& shape, int64_t height, int64_t width) {
  const auto first = [&](int64_t at, size_t axis) {
    const int64_t reach = shape.dilation[axis] * (shape.kernel[axis] - 1);
    return std::max<int64_t>(0, -floor_divide(-(at + shape.padding[axis] - reach), shape.stride[axis]));
  };
  const auto end = [&](int64_t at, size_t axis, int64_t size) {
    return std::min(size, floor_divide(at - 1 + shape.padding[axis], shape.stride[axis]) + 1);
  };
  BoxBuilder builder;
  for (size_t i = 0; i < input.top.size(); ++i) {
    builder.add(first(input.top[i], 0), first(input.left[i], 1), end(input.top[i] + input.height, 0, height),
                end(input.left[i] + input.width, 1, width));
  }
  return builder.fitted(height, width);
}

Boxes seen_by(const Boxes& output, const WindowShape& shape) {
  const auto size = [&](int64_t count, size_t axis) {
    return (count - 1) * shape.stride[axis] + shape.dilation[axis] * (shape.kernel[axis] - 1) + 1;
  };
  Boxes result{size(output.height, 0), size(output.width, 1), {}, {}};
  for (const int64_t top : output.top) result.top.push_back(top * shape.stride[0] - shape.padding[0]);
  for (const int64_t left : output.left) result.left.push_back(left * shape.stride[1] - shape.padding[1]);
  return result;
}

Tensor Patches::inside(const Boxes& wanted, double filler, int64_t first) const {
  const int64_t c = channels();
  Tensor result = at::empty({wanted.steps(), wanted.height, wanted.width, c}, before.options());
  auto* out = result.data_ptr<float>();
  auto *old = const_cast<float*>(before.const_data_ptr<float>()),
       *made = const_cast<float*>(patches.const_data_ptr<float>());
  at::parallel_for(0, wanted.steps(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<size_t>(i);
      const Piece piece{wanted.top[at], wanted.left[at], wanted.height, wanted.width, out + i * wanted.area() * c};
      const bool reaches_beyond =
          piece.top < 0 || piece.left < 0 || piece.top + piece.height > height() || piece.left + piece.width > width();
      if (reaches_beyond) std::fill_n(piece.data, wanted.area() * c, static_cast<float>(filler));
      copy_overlap({0, 0, height(), width(), old}, piece, c);
      for (int64_t step = 0; step <= first + i; ++step) {
        const auto k = static_cast<size_t>(step);
        copy_overlap({boxes.top[k], boxes.left[k], boxes.height, boxes.width, made + step * boxes.area() * c}, piece,
                     c);
      }
    }
  });
  return result.permute({0, 3, 1, 2});
}

Tensor Patches::whole(int64_t from, int64_t to) const {
  const auto steps = static_cast<size_t>(to - from);
  return inside({height(), width(), std::vector<int64_t>(steps, 0), std::vector<int64_t>(steps, 0)}, 0, from);
}

}  // namespace lrp
