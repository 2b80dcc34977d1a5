#include "max_pool.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "per_instruction_set.h"

namespace lrp {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct PlaneWindows {
  int64_t width, down, across;         // of the input; how many windows
  int64_t rows, columns, below, next;  // of a window; from one window to the one below, and to the next
};

/// The largest values of a row of windows that are `next` apart, and their places in the plane, in which the row begins
/// at `first`. A NaN is larger than any number.
inline void largest_of_row(const float* input, const PlaneWindows& w, int64_t next, int64_t first, float* largest,
                           int64_t* places) {
  for (int64_t i = 0; i < w.across; ++i) {
    largest[i] = input[first + i * next];
    places[i] = first + i * next;
  }
  for (int64_t row = 0; row < w.rows; ++row) {
    for (int64_t column = row == 0 ? 1 : 0; column < w.columns; ++column) {
      const int64_t begin = first + row * w.width + column;
#pragma omp simd
      for (int64_t i = 0; i < w.across; ++i) {
        const float value = input[begin + i * next];
        const bool is_larger = value > largest[i] || value != value;
        largest[i] = is_larger ? value : largest[i];
        places[i] = is_larger ? begin + i * next : places[i];
      }
    }
  }
}

/// The largest values of a plane. Compilers know better loops for steps that are known.
LRP_PER_INSTRUCTION_SET
void largest_of_plane(const float* input, const PlaneWindows& w, float* largest, int64_t* places) {
  for (int64_t row = 0; row < w.down; ++row, largest += w.across, places += w.across) {
    const int64_t first = row * w.below * w.width;
    if (w.next == 2)
      largest_of_row(input, w, 2, first, largest, places);
    else
      largest_of_row(input, w, w.next, first, largest, places);
  }
}

/// The largest values, and their places in the planes of the input.
std::pair<Tensor, Tensor> largest_of(const Tensor& x, const std::vector<int64_t>& kernel,
                                     const std::vector<int64_t>& stride) {
  const int64_t height = x.size(-2), width = x.size(-1), planes = x.numel() / std::max<int64_t>(1, height * width);
  auto shape = x.sizes().vec();
  const int64_t down = shape[shape.size() - 2] = (height - kernel[0]) / stride[0] + 1;
  const int64_t across = shape.back() = (width - kernel[1]) / stride[1] + 1;
  const PlaneWindows windows{width, down, across, kernel[0], kernel[1], stride[0], stride[1]};
  Tensor largest = at::empty(shape, x.options()), places = at::empty(shape, x.options().dtype(at::kLong));
  const auto* input = x.const_data_ptr<float>();
  auto* values = largest.mutable_data_ptr<float>();
  auto* index = places.mutable_data_ptr<int64_t>();
  at::parallel_for(0, planes, 1 + (1 << 15) / std::max<int64_t>(1, height * width), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      largest_of_plane(input + i * height * width, windows, values + i * down * across, index + i * down * across);
  });
  return {largest, places};
}

struct MaxPoolWithPlaces : torch::autograd::Function<MaxPoolWithPlaces> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const std::vector<int64_t>& kernel,
                        const std::vector<int64_t>& stride) {
    const auto [largest, places] = largest_of(x, kernel, stride);
    context->save_for_backward({x, places});
    context->saved_data["kernel"] = kernel;
    context->saved_data["stride"] = stride;
    return largest;
  }
  static variable_list backward(AutogradContext* context, variable_list gradient) {
    const auto saved = context->get_saved_variables();
    const std::vector<int64_t> none{0, 0}, next{1, 1};
    return {at::max_pool2d_with_indices_backward(
                gradient[0].contiguous(), saved[0], context->saved_data["kernel"].toIntVector(),
                context->saved_data["stride"].toIntVector(), none, next, false, saved[1]),
            Tensor(), Tensor()};
  }
};

}  // namespace

Tensor max_pool(const Tensor& x, const std::vector<int64_t>& kernel, const std::vector<int64_t>& stride) {
  return MaxPoolWithPlaces::apply(x, kernel, stride);
}

}  // namespace lrp
