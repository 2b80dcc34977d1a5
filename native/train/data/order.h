#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace lrp {

/// The images of one epoch in order: every one once, shuffled. Depends on seed and epoch alone (Fisher and Yates).
std::vector<int64_t> shuffled_order(int64_t size, uint64_t seed, int64_t epoch);

/// As many images as there are, each class equally likely, drawn with replacement.
std::vector<int64_t> balanced_order(const at::Tensor& labels, uint64_t seed, int64_t epoch);

}  // namespace lrp
