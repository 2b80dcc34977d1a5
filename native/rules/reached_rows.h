#pragma once
#include <ATen/core/Tensor.h>

#include <optional>

namespace lrp {

using at::Tensor;

/// Rows of a tensor [..., features] that relevance reaches. Where a class token is read, the last block's other tokens
/// get no relevance, and a layer that maps every row by itself propagates none to them: only the reached rows need a
/// rule.
class ReachedRows {
 public:
  /// None if relevance reaches more than half of the rows, or if looking takes longer than it saves.
  static std::optional<ReachedRows> of(const Tensor& R);

  /// These rows of a tensor with the same rows: [reached, features].
  Tensor select(const Tensor& t) const;
  /// The inverse: a tensor of these sizes, 0 in the other rows.
  Tensor spread(const Tensor& rows, at::IntArrayRef sizes) const;

 private:
  explicit ReachedRows(Tensor rows) : rows_(std::move(rows)) {}
  Tensor rows_;
};

}  // namespace lrp
