#include "reached_rows.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

namespace lrp {

namespace {
constexpr int64_t kFewestRows = 16;
}

std::optional<ReachedRows> ReachedRows::of(const Tensor& R) {
  if (!R.is_cpu() || R.scalar_type() != at::kFloat || !R.is_contiguous() || R.dim() < 2 || R.numel() == 0) return {};
  const int64_t features = R.size(-1), rows = R.numel() / features;
  if (rows < kFewestRows) return {};
  std::vector<int64_t> reached;
  const auto* values = R.const_data_ptr<float>();
  for (int64_t row = 0; row < rows; ++row) {  // a row that is reached ends the search early, as a rule
    const float* first = values + row * features;
    if (std::any_of(first, first + features, [](float value) { return value != 0; })) reached.push_back(row);
    if (static_cast<int64_t>(reached.size()) * 2 > rows) return {};
  }
  return ReachedRows(at::tensor(reached, at::kLong));
}

Tensor ReachedRows::select(const Tensor& t) const { return t.reshape({-1, t.size(-1)}).index_select(0, rows_); }

Tensor ReachedRows::spread(const Tensor& rows, at::IntArrayRef sizes) const {
  return at::zeros({c10::multiply_integers(sizes) / sizes.back(), sizes.back()}, rows.options())
      .index_copy_(0, rows_, rows)
      .view(sizes);
}

}  // namespace lrp
