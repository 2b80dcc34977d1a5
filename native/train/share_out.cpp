#include "share_out.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace lrp {

std::vector<std::vector<Piece>> share_out(const std::vector<Extent>& tensors, int64_t shares) {
  constexpr int64_t kFewNumbers = 1 << 14;
  int64_t all = 0, before = 0;
  for (const auto& tensor : tensors) all += tensor.units * tensor.size;
  std::vector<std::vector<Piece>> pieces(static_cast<size_t>(shares));
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Extent& tensor = tensors[i];
    const int64_t numbers = tensor.units * tensor.size;
    // Units of this tensor that are in shares before this one: of a small one, all or none.
    const auto done_before = [&](int64_t share) {
      const int64_t done = all * share / shares - before;
      if (done <= 0) return int64_t{0};
      return done >= numbers || numbers <= kFewNumbers ? tensor.units : done / tensor.size;
    };
    for (int64_t share = 0; share < shares; ++share) {
      const int64_t begin = done_before(share), end = done_before(share + 1);
      if (begin < end) pieces[static_cast<size_t>(share)].push_back({i, begin, end});
    }
    before += numbers;
  }
  return pieces;
}

std::vector<std::vector<Piece>> share_out(const std::vector<at::Tensor>& parameters, int64_t shares) {
  std::vector<Extent> extents;
  for (const at::Tensor& parameter : parameters) {
    const int64_t rows = parameter.dim() > 0 ? parameter.size(0) : 1;
    extents.push_back({rows, parameter.numel() / std::max<int64_t>(rows, 1)});
  }
  return share_out(extents, shares);
}

int64_t shares_for_threads(const std::vector<at::Tensor>& parameters) {
  // Enough that threads end at about the same time, few enough that operations stay large.
  constexpr int64_t kSharesPerThread = 3;
  const auto is_on_cpu = [](const at::Tensor& parameter) { return parameter.is_cpu(); };
  return std::all_of(parameters.begin(), parameters.end(), is_on_cpu) ? kSharesPerThread * at::get_num_threads() : 1;
}

bool is_whole(const at::Tensor& tensor, const Piece& piece) {
  return tensor.dim() == 0 || piece.end - piece.begin == tensor.size(0);
}

at::Tensor rows_of(const at::Tensor& whole, const Piece& piece) {
  return is_whole(whole, piece) ? whole : whole.narrow(0, piece.begin, piece.end - piece.begin);
}

}  // namespace lrp
