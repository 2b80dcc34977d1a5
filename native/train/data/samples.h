#pragma once
#include <ATen/core/Tensor.h>

#include <memory>

#include "image_source.h"

namespace lrp {

/// Labelled images: [N, ...] of bytes or float32, class numbers [N] (int64) or values [N, outputs] (float32).
struct Samples {
  /// Undefined where `source` reads them.
  at::Tensor images;
  at::Tensor targets;
  std::shared_ptr<ImageSource> source = nullptr;
  int64_t size() const { return targets.defined() ? targets.size(0) : 0; }
};

}  // namespace lrp
