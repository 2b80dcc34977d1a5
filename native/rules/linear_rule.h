#pragma once
#include "reached_rows.h"
#include "rule.h"

namespace lrp {

/// A linear layer as a rule's formula sees it: input x, output z = f(x, W, b), and the map's two directions.
class LinearLayer {
 public:
  /// `rows`: the layer is narrowed to these rows of its input and output.
  explicit LinearLayer(const Layer& layer, const ReachedRows* rows = nullptr);

  const Tensor& x() const { return x_; }
  bool nonnegative_input() const { return layer_.nonnegative_input; }
  bool dead_below_zero() const { return layer_.dead_below_zero; }
  /// The input's positive and negative part.
  Tensor x_positive() const { return nonnegative_input() ? x() : x().clamp_min(0); }
  Tensor x_negative() const { return x().clamp_max(0); }

  /// f(x, W, b), kept from the forward pass; without the bias if so asked.
  Tensor z(bool with_bias = true) const;
  /// f(v, W', b') and fT(g, W'), W' a part of the weights.
  Tensor forward(const Tensor& v, Part part, bool with_bias) const { return map_.forward(v, part, with_bias); }
  Tensor gradient(const Tensor& g, Part part) const { return map_.input_gradient(g, x(), part); }
  Tensor gradient(const Tensor& g, const Tensor& weight) const { return map_.input_gradient(g, x(), weight); }
  Tensor weight() const { return map_.weight(); }
  Tensor bias_like_output(Part part) const { return map_.bias_like_output(part); }

  /// f(x+, W+, b+) + f(x-, W-, 0): the positive part of z.
  Tensor positive_z(bool with_bias) const;

  /// f(x+, W-, b-) + f(x-, W+, 0): the negative part of z. It is z - positive_z, too, without a pass over the weights.
  Tensor negative_z(bool with_bias) const;
  /// f(|x|, |W|, |b|): the magnitudes of all contributions added up.
  Tensor absolute_z(bool with_bias) const {
    return forward(nonnegative_input() ? x() : x().abs(), Part::absolute(), with_bias);
  }
  /// So few inputs make an output that the difference z - positive_z would lose digits, and negative_z costs little.
  bool has_few_contributions() const;

  /// Notes that a part of the bias took its share of s = R / denominator.
  void absorb(const Tensor& s, Part part) const;

 private:
  const Layer& layer_;
  const ReachedRows* rows_;
  Tensor x_, output_;
  std::shared_ptr<const LinearMap> held_;  // of an op that is linear only while its divisor is held
  const LinearMap& map_;
};

/// A rule for linear layers, written as its formula. Refuses layers that are not linear.
Rule linear_rule(std::function<Tensor(const LinearLayer& f, const Tensor& R)> formula, bool multiplies_by_input);

/// Whether a rule counts biases: its settings hold `ignoreBias`.
inline bool counts_bias(const Attributes& settings) { return !settings.flag("ignoreBias"); }

/// g * x, reusing the memory of g where nobody else holds it.
Tensor times(Tensor g, const Tensor& x);

}  // namespace lrp
