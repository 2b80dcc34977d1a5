#pragma once
#include <string>
#include <vector>

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
  /// Every number of the output is one of the inputs', or a constant that fills: where its relevance is 0, so is the
  /// input's.
  bool moves_values = false;
  /// How the rule, or for kinds without one the published rule, conserves relevance where all that the op adds up
  /// depends on the image: `exact` (up to the stabiliser), `up to bias` (what biases and filled places take is lost),
  /// or `no`. test/model/op-record.test.ts holds it to this.
  std::string conserves = "no";
  Cut cut = kNowhere;
  /// Its output weighs something else: a number from 0 to 1.
  bool gates = false;
  /// How it turns logits into probabilities or their logarithms: `softmax`, `sigmoid`; `logarithm`: it takes the
  /// logarithm of what is before it; empty if it does nothing of this.
  std::string squashes = "";
  enum Reach {
    kEverywhere,  // a place of the output may depend on every place of the input
    kWindow,      // on a window: `kernel_size` or the weight's, `stride`, `padding`, `dilation`
    kPlace,       // on the same place alone
    kOrder        // on the input's value of the same number: all stay in their order, only the shape changes
  };
  Reach reach = kEverywhere;
  /// A linear map whose weight is [in, out / groups, ...].
  bool transposed = false;
  /// A call of an aten overload, not an op of ours.
  bool called = false;
  /// f(c x) = c f(x) for every c > 0, so that `pass` is the gradient times the input.
  bool homogeneous = false;
  /// Its last input names rows of the first, by their numbers.
  bool looks_up = false;
  /// Every attribute that a node of this op may have; its factory reads or checks each. Calls of aten overloads have
  /// the arguments of their schema instead.
  std::vector<std::string> attributes = {};
  /// Arguments of a call that multiply each other: those that depend on the image share their product's relevance
  /// alike.
  std::vector<std::string> factors = {};
  /// Arguments of a call that weigh, place or divide the others: held constant, so no relevance passes to them.
  std::vector<std::string> held = {};
};

/// The record of an op of ours or of an aten overload. Throws UNSUPPORTED for a name that a graph must not use.
const OpRecord& op_record(const std::string& name);

}  // namespace lrp
