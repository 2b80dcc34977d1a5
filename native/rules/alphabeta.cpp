#include <ATen/ATen.h>

#include <cmath>

#include "../error.h"
#include "catalogue.h"
#include "linear_rule.h"

namespace lrp {

namespace {

/// alpha times the share of the positive contributions P, minus beta times that of the negative ones N = z - P.
Rule share(double alpha, double beta, const Stabiliser& S, bool with_bias) {
  return linear_rule(
      [=](const LinearLayer& f, const Tensor& R) {
        Tensor P = f.positive_z(with_bias);
        if (beta == 0) {
          const Tensor s = ratio_in_place(R, std::move(P), S, alpha);
          if (with_bias) f.absorb(s, Part::positive());
          Tensor result = times(f.gradient(s, Part::positive()), f.x_positive());
          if (f.nonnegative_input()) return result;
          return result.add_(times(f.gradient(s, Part::negative()), f.x_negative()));
        }
        const Tensor s = ratio(R, P, S, alpha);
        const Tensor t = f.has_few_contributions() ? ratio_in_place(R, f.negative_z(with_bias), S, -beta)
                                                   : ratio_of_difference(R, f.z(with_bias), std::move(P), S, -beta);
        if (with_bias) f.absorb(s, Part::positive());
        if (with_bias) f.absorb(t, Part::negative());
        const auto shares = [&](Part of_s, Part of_t) { return f.gradient(s, of_s).add_(f.gradient(t, of_t)); };
        Tensor result = times(shares(Part::positive(), Part::negative()), f.x_positive());
        if (f.nonnegative_input()) return result;
        return result.add_(times(shares(Part::negative(), Part::positive()), f.x_negative()));
      },
      true);
}

}  // namespace

/// Positive and negative contributions apart, alpha - beta = 1. Bach et al. 2015, equation 60.
Rule alphabeta(const RuleArguments& a) {
  const double alpha = a.settings.number("alpha", 2), beta = a.settings.number("beta", 1);
  if (!(alpha >= 0 && beta >= 0)) throw Error("INVALID_ARGUMENT", "alpha and beta must be 0 or more");
  if (std::abs(alpha - beta - 1) > 1e-9) throw Error("INVALID_ARGUMENT", "alpha - beta must be 1");
  return share(alpha, beta, Stabiliser::from(a.settings), counts_bias(a.settings));
}

/// The positive half of alphabeta. Montavon et al. 2017.
Rule zplus(const RuleArguments& a) { return share(1, 0, Stabiliser::from(a.settings), counts_bias(a.settings)); }

}  // namespace lrp
