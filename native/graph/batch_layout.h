#pragma once
#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>

#include <vector>

namespace lrp {

using at::Tensor;
class Graph;

/// Where the images of a batch lie in a tensor. An axis of `images * parts` entries holds each image's parts together
/// (`[image, part]`, how windows and heads are folded into the batch) or apart (`[part, image]`).
struct BatchLayout {
  static constexpr int64_t kNone = -1;
  int64_t axis = 0;  // kNone: the tensor does not depend on the batch, or its images cannot be told apart
  bool parts_first = false;

  /// Images on axis 0, and the other axes behind them: [images, ...]. An axis of images and parts leaves that of the
  /// parts.
  Tensor images_first(const Tensor& t, int64_t images) const;
  /// The same with one axis behind: [images, rest].
  Tensor by_image(const Tensor& t, int64_t images) const;
  /// The inverse of `by_image` for a tensor of the shape `sizes`.
  Tensor from_image(const Tensor& by_image, at::IntArrayRef sizes) const;
  /// Sum over everything but the images, in double: [images].
  Tensor sum(const Tensor& t, int64_t images) const;
};

/// The layout of every node's output for inputs like `x` ([images, ...]). Networks that never move axis 0 need no
/// computation; others are run three times on small batches: the axis is the one that grows with the batch, and its
/// order the one in which a change of one image leaves the others' sums alone.
std::vector<BatchLayout> find_batch_layouts(const Graph& graph, const Tensor& x);

}  // namespace lrp
