#pragma once
#include <string>

namespace lrp {

/// What is known of an op without running it: its kind for composites, how LRP treats it where no rule is named, and
/// what its output says of its input's signs. JavaScript receives it by `opRecord(name)`.
struct OpRecord {
  enum Sign {
    kAny,              // the output may have any sign
    kKeeps,            // the output is >= 0 where every input is
    kMakesNonnegative  // the output is always >= 0
  };
  enum Cut {
    kNowhere,
    kBelowZero,  // the output is 0 where the input is <= 0
    kRelu        // it is max(x, 0)
  };

  /// linear, convolution, sum, average, activation, batch_norm, normalisation (held divisors), product, attention (and
  /// what it is made of), move, constant, divisor or other.
  std::string kind;
  /// The rule where a composite names none; empty: there is no published one.
  std::string rule;
  Sign sign = kAny;
  /// Every number of the output is one of the inputs': where its relevance is 0, so is the input's.
  bool moves_values = false;
  /// How the rule conserves relevance: `exact` (up to the stabiliser), `up to bias`, or `no`.
  std::string conserves = "no";
  Cut cut = kNowhere;
  /// Its output weighs something else: a number from 0 to 1.
  bool gates = false;
};

/// The record of an op of ours or of an aten overload. Throws UNSUPPORTED for a name that a graph must not use.
const OpRecord& op_record(const std::string& name);

}  // namespace lrp
