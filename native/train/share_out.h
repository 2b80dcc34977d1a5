#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace lrp {

/// How much there is of a tensor that threads work on: `units`, which stay whole, of `size` numbers each.
struct Extent {
  int64_t units, size;
};

/// The units from `begin` to `end` of a tensor.
struct Piece {
  size_t tensor;
  int64_t begin, end;
};

/// The pieces of each share. All shares have about as many numbers. Tensors of few numbers stay whole.
std::vector<std::vector<Piece>> share_out(const std::vector<Extent>& tensors, int64_t shares);
/// Likewise of parameters, whose units are rows (the entries of the first axis).
std::vector<std::vector<Piece>> share_out(const std::vector<at::Tensor>& parameters, int64_t shares);
/// Several shares for each thread, or a single one on a GPU.
int64_t shares_for_threads(const std::vector<at::Tensor>& parameters);

/// Whether a piece is all of a parameter.
bool is_whole(const at::Tensor& parameter, const Piece& piece);
/// A piece of a parameter, or of a tensor of the same shape; not copied.
at::Tensor rows_of(const at::Tensor& whole, const Piece& piece);

}  // namespace lrp
