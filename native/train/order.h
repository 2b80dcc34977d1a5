#pragma once
#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

namespace lrp {

/// The images of one epoch in order: every one once, shuffled. Depends on seed and epoch alone (Fisher and Yates).
std::vector<int64_t> shuffled_order(int64_t size, uint64_t seed, int64_t epoch);

/// As many images as there are, each class equally likely, drawn with replacement.
std::vector<int64_t> balanced_order(const at::Tensor& labels, uint64_t seed, int64_t epoch);

/// Rank `rank`'s share of the range `from` to `to`: consecutive, as many as any other's or one less.
std::pair<int64_t, int64_t> share_of(int64_t from, int64_t to, int rank, int size);

}  // namespace lrp
