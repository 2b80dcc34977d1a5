#pragma once
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

/// The pieces of each thread. All threads get about as many numbers. Tensors of few numbers stay whole.
std::vector<std::vector<Piece>> share_out(const std::vector<Extent>& tensors, int64_t threads);

}  // namespace lrp
