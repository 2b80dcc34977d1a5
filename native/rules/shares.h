#pragma once
#include <optional>
#include <vector>

#include "../ops/linear_map.h"

// Rules as data: a rule that is a sum of shares, written in JSON (docs/rules.md) instead of C++.
namespace lrp {

/// Which values stand for the input x: x itself, max(x, 0), min(x, 0), |x|, x^2, ones, or the bounds of the input's
/// values.
enum class InputPart { all, positive, negative, absolute, squared, ones, low, high };

/// Which outputs a share serves: all, those above 0, those below 0.
enum class OutputSide { any, positive, negative };

/// factor * f(input, weight, bias); an absent bias is none.
struct ShareTerm {
  double factor;
  InputPart input;
  Part weight;
  std::optional<Part> bias;
};

/// factor * R / S(sum of the denominator), propagated to the inputs in proportion to the terms' contributions. Without
/// a denominator of its own it is the sum of the terms.
struct Share {
  double factor;
  OutputSide output;
  std::vector<ShareTerm> terms;
  std::optional<std::vector<ShareTerm>> denominator;
};

}  // namespace lrp
