#include <ATen/ATen.h>

#include <cmath>

#include "../error.h"
#include "catalogue.h"
#include "linear_rule.h"
#include "two_signs.h"

namespace lrp {

namespace {

/// Rounding errors that may grow this much leave a map exact to 1e-5 (test/rules/two-signs.test.ts).
constexpr double kMostAmplified = 30;

/// For inputs of both signs in one forward pass and two gradients: x fT(s - t, W) / 2 + |x| fT(s + t, |W|) / 2.
/// Undefined where digits would be lost.
Tensor share_by_magnitudes(const LinearLayer& f, const Tensor& R, double alpha, double beta, const Stabiliser& S,
                           bool with_bias) {
  if (f.has_few_contributions()) return {};
  const TwoShares shares = alphabeta_shares(R, f.z(with_bias), f.absolute_z(with_bias), alpha, beta, S);
  if (!(shares.amplification <= kMostAmplified)) return {};
  if (with_bias) f.absorb(shares.second, Part::split(0.5, 0.5));
  if (with_bias) f.absorb(shares.first, Part::split(0.5, -0.5));
  return join_shares(f.x(), f.gradient(shares.second, Part::full()), 0.5, f.gradient(shares.first, Part::absolute()),
                     0.5);
}

/// The positive part of z takes s of the relevance, the negative part t (undefined: none).
Tensor share_by_parts(const LinearLayer& f, const Tensor& s, const Tensor& t, bool with_bias) {
  if (with_bias) f.absorb(s, Part::positive());
  if (with_bias && t.defined()) f.absorb(t, Part::negative());
  const auto shares = [&](Part of_s, Part of_t) {
    Tensor g = f.gradient(s, of_s);
    return t.defined() ? g.add_(f.gradient(t, of_t)) : g;
  };
  Tensor result = times(shares(Part::positive(), Part::negative()), f.x_positive());
  if (f.nonnegative_input()) return result;
  return result.add_(times(shares(Part::negative(), Part::positive()), f.x_negative()));
}

/// alpha times the share of the positive contributions P, minus beta times that of the negative ones N.
Rule share(double alpha, double beta, const Stabiliser& S, bool with_bias) {
  return linear_rule(
      [=](const LinearLayer& f, const Tensor& R) {
        if (!f.nonnegative_input()) {
          Tensor result = share_by_magnitudes(f, R, alpha, beta, S, with_bias);
          if (result.defined()) return result;
        }
        Tensor P = f.positive_z(with_bias);
        if (beta == 0) return share_by_parts(f, ratio_in_place(R, std::move(P), S, alpha), {}, with_bias);
        // N = z - P needs no pass over the weights; on a GPU the wait for the bound would take longer than that pass
        if (f.nonnegative_input() && !f.has_few_contributions() && R.is_cpu()) {
          const TwoShares shares = alphabeta_parts(R, f.z(with_bias), P, alpha, -beta, S);
          if (shares.amplification <= kMostAmplified) return share_by_parts(f, shares.first, shares.second, with_bias);
          P = f.positive_z(with_bias);
        }
        const Tensor t = ratio_in_place(R, f.negative_z(with_bias), S, -beta);
        return share_by_parts(f, ratio_in_place(R, std::move(P), S, alpha), t, with_bias);
      },
      true);
}

}  // namespace

/// Positive and negative contributions apart, alpha - beta = 1. Bach et al. 2015, equation 60.
Rule alphabeta(const RuleArguments& a) {
  const double alpha = a.settings.number("alpha"), beta = a.settings.number("beta");
  if (!(alpha >= 0 && beta >= 0))
    throw Error("INVALID_ARGUMENT", "the parameters 'alpha' and 'beta' must be 0 or more");
  if (std::abs(alpha - beta - 1) > 1e-9)
    throw Error("INVALID_ARGUMENT", "the parameters 'alpha' and 'beta' must satisfy alpha - beta = 1");
  return share(alpha, beta, Stabiliser::from(a.settings), counts_bias(a.settings));
}

/// The positive half of alphabeta. Montavon et al. 2017.
Rule zplus(const RuleArguments& a) { return share(1, 0, Stabiliser::from(a.settings), counts_bias(a.settings)); }

}  // namespace lrp
