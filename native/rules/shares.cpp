#include "shares.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>

#include "../error.h"
#include "bounds.h"
#include "catalogue.h"
#include "linear_rule.h"

namespace lrp {

namespace {

bool is_part_of_x(InputPart part) { return part < InputPart::ones; }

/// Evaluates the terms of a rule at one layer.
class SharedOut {
 public:
  SharedOut(const LinearLayer& f, const Attributes& settings)
      : f_(f), settings_(settings), with_bias_(counts_bias(settings)) {}

  /// The sum of the terms' contributions, shaped to broadcast against the output; undefined where they are all 0.
  Tensor total(const std::vector<ShareTerm>& terms) const {
    Tensor sum;
    for (const ShareTerm& term : terms) {
      if (vanishes(term.input)) continue;
      const Tensor part = term.factor == 1 ? contribution(term) : contribution(term) * term.factor;
      sum = sum.defined() ? sum + part : part;
    }
    return sum;
  }

  /// Adds what the terms hand to the inputs for s = R / denominator.
  void hand_on(const std::vector<ShareTerm>& terms, const Tensor& s) {
    for (const ShareTerm& term : terms) {
      if (vanishes(term.input)) continue;
      const Tensor scaled = term.factor == 1 ? s : s * term.factor;
      if (with_bias_ && term.bias) f_.absorb(scaled, *term.bias);
      Tensor g = f_.gradient(scaled, term.weight);
      Tensor& sum = gradients_[term.input];
      sum = sum.defined() ? sum + g : std::move(g);
    }
  }

  /// Relevance of the input: each part of it times the gradients of its terms.
  Tensor result() const {
    Tensor sum;
    for (const auto& [part, gradient] : gradients_) {
      const Tensor product = part == InputPart::ones ? gradient : gradient * values(part);
      sum = sum.defined() ? sum + product : product;
    }
    return sum.defined() ? sum : at::zeros_like(f_.x());
  }

 private:
  bool vanishes(InputPart part) const { return part == InputPart::negative && f_.nonnegative_input(); }

  Tensor values(InputPart part) const {
    switch (part) {
      case InputPart::all:
        return f_.x();
      case InputPart::positive:
        return f_.x_positive();
      case InputPart::negative:
        return f_.x_negative();
      case InputPart::absolute:
        return f_.nonnegative_input() ? f_.x() : f_.x().abs();
      case InputPart::squared:
        return f_.x().square();
      case InputPart::ones:
        return at::ones_like(f_.x().narrow(0, 0, 1));
      case InputPart::low:
        return bound_of_input(settings_, "low", f_.x());
      case InputPart::high:
        return bound_of_input(settings_, "high", f_.x());
    }
    return f_.x();
  }

  Tensor contribution(const ShareTerm& term) const {
    const bool biased = with_bias_ && term.bias.has_value();
    const bool is_layers = term.input == InputPart::all && term.weight.is_full();
    if (is_layers && (!biased || term.bias->is_full())) return f_.z(biased);  // kept from the forward pass
    const Tensor x = values(term.input);
    if (!biased) return f_.forward(x, term.weight, false);
    if (*term.bias == term.weight) return f_.forward(x, term.weight, true);
    const Tensor z = f_.forward(x, term.weight, false), bias = f_.bias_like_output(*term.bias);
    return bias.defined() ? z + bias : z;
  }

  const LinearLayer& f_;
  const Attributes& settings_;
  const bool with_bias_;
  std::map<InputPart, Tensor> gradients_;
};

/// The relevance of the outputs that a share serves.
Tensor served(const Tensor& R, OutputSide side, const LinearLayer& f) {
  if (side == OutputSide::any) return R;
  return R.masked_fill(side == OutputSide::positive ? f.z().le(0) : f.z().ge(0), 0);
}

bool multiplies_by_input(const std::vector<Share>& shares) {
  return std::all_of(shares.begin(), shares.end(), [](const Share& share) {
    return std::all_of(share.terms.begin(), share.terms.end(),
                       [](const ShareTerm& term) { return is_part_of_x(term.input); });
  });
}

}  // namespace

/// A rule given as data: what each share divides out by its denominator goes to the inputs in proportion to its terms.
Rule shares(const RuleArguments& a) {
  if (!a.shares) throw Error("INVALID_ARGUMENT", "a rule defined in a JSON file needs 'shares'");
  const Stabiliser S = Stabiliser::from(a.settings);
  return linear_rule(
      [S, settings = a.settings, list = *a.shares](const LinearLayer& f, const Tensor& R) {
        SharedOut inputs(f, settings);
        for (const Share& share : list) {
          if (share.output == OutputSide::negative && f.dead_below_zero()) continue;
          const Tensor denominator = inputs.total(share.denominator ? *share.denominator : share.terms);
          if (!denominator.defined()) continue;
          const Tensor z = denominator.sizes() == R.sizes() ? denominator : denominator.expand_as(R);
          inputs.hand_on(share.terms, ratio(served(R, share.output, f), z, S, share.factor));
        }
        return inputs.result();
      },
      multiplies_by_input(*a.shares));
}

}  // namespace lrp
