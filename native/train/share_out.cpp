#include "share_out.h"

#include <algorithm>

namespace lrp {

std::vector<std::vector<Piece>> share_out(const std::vector<Extent>& tensors, int64_t threads) {
  constexpr int64_t kFewNumbers = 1 << 14;
  int64_t all = 0, before = 0;
  for (const auto& tensor : tensors) all += tensor.units * tensor.size;
  std::vector<std::vector<Piece>> pieces(static_cast<size_t>(threads));
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Extent& tensor = tensors[i];
    const int64_t numbers = tensor.units * tensor.size;
    // Units of this tensor that threads before this one work on: of a small one, all or none.
    const auto done_before = [&](int64_t thread) {
      const int64_t done = all * thread / threads - before;
      if (done <= 0) return int64_t{0};
      return done >= numbers || numbers <= kFewNumbers ? tensor.units : done / tensor.size;
    };
    for (int64_t thread = 0; thread < threads; ++thread) {
      const int64_t begin = done_before(thread), end = done_before(thread + 1);
      if (begin < end) pieces[static_cast<size_t>(thread)].push_back({i, begin, end});
    }
    before += numbers;
  }
  return pieces;
}

}  // namespace lrp
