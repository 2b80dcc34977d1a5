#pragma once
#include <c10/util/ArrayRef.h>

#include <memory>
#include <string>

namespace lrp {

/// A whole number that may depend on the shape of the network's input: `i0 * 49`, `(i2 + 15) // 16`. `i<k>` is the size
/// of the input's axis k; + - * // % work as in Python, Min(a, b), Max(a, b) and Mod(a, b) as in SymPy.
class SizeExpression {
 public:
  /// Throws INVALID_ARGUMENT where `text` is not such an expression.
  explicit SizeExpression(const std::string& text);
  /// Throws INVALID_ARGUMENT for an axis that the input lacks, a division by 0, or a result that no integer holds.
  int64_t operator()(c10::IntArrayRef input_sizes) const;

  struct Term;

 private:
  std::string text_;
  std::shared_ptr<const Term> root_;
};

}  // namespace lrp
