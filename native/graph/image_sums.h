#pragma once
#include <ATen/core/Tensor.h>

#include "batch_layout.h"

namespace lrp {

/// Of each image, in double: the sum of its numbers, and of their magnitudes.
struct ImageSums {
  Tensor sum, magnitude;
};

/// In one pass over the memory where each image is one block of it. `layout` must tell the images apart.
ImageSums sums_of_images(const Tensor& t, const BatchLayout& layout, int64_t images);

/// Sum of t * weights for each image, in double; `weights` broadcast to t.
Tensor weighted_sums_of_images(const Tensor& t, const Tensor& weights, const BatchLayout& layout, int64_t images);

}  // namespace lrp
