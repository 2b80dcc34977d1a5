#pragma once
#include <functional>
#include <string>
#include <vector>

#include "../graph/batch_layout.h"
#include "../ops/op.h"
#include "shares.h"
#include "stabiliser.h"

namespace lrp {

/// What a layer's biases absorbed, one number per image.
struct Absorbed {
  Tensor by_bias;
};

/// One application of a layer: what a rule may use to propagate relevance.
struct Layer {
  const Op& op;
  const std::string& op_name;
  Pass pass;
  std::vector<Tensor> inputs;   // without gradient
  std::vector<bool> explained;  // which inputs depend on the network's input
  Tensor output;
  bool nonnegative_input;        // every input is >= 0
  bool dead_below_zero;          // the relevance that arrives is 0 wherever the output is <= 0
  Absorbed* absorbed = nullptr;  // filled where the caller asks for it
  BatchLayout output_layout;     // where the images lie in the output
  int64_t images = 1;
};

/// Relevance at each input of a layer, given the relevance that arrives at its output; undefined for inputs that are
/// not explained. Sums of relevance over inputs need not equal the sum at the output: biases and stabilisers absorb.
struct Rule {
  using Apply = std::function<std::vector<Tensor>(const Layer& layer, const Tensor& R)>;
  Apply apply;
  /// The result is a product with the input, so it vanishes where the input does.
  bool multiplies_by_input = false;
};

/// What a rule is made from: its settings (epsilon, gamma, low, ...), the layer's fitted pattern for pattern rules, and
/// the shares of a rule that is given as data.
struct RuleArguments {
  const Attributes& settings;
  Tensor pattern;
  std::optional<std::vector<Share>> shares;
};

/// Makes the rule called `name`. Throws NOT_FOUND for an unknown name, INVALID_ARGUMENT for settings out of range.
Rule make_rule(const std::string& name, const RuleArguments& arguments);
std::vector<std::string> rule_names();

}  // namespace lrp
