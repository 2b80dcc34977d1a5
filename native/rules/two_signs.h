#pragma once
#include <ATen/core/Tensor.h>

#include "stabiliser.h"

// Contributions of both signs from one forward pass: with Q = f(|x|, |W|, |b|) the positive part of z = f(x, W, b) is
// P = (z + Q) / 2, the negative part N = (z - Q) / 2. Shares of both come back in two gradients, of W and of |W|.
namespace lrp {

struct TwoShares {
  Tensor first, second;
  /// How much rounding errors of z and Q grow in P and N, weighed by relevance: sum |R| Q / |P| over sum |R|.
  double amplification = 1;
};

/// s + t and s - t for s = R / S(z + gamma P) where `sign` > 0 and t = R / S(z + gamma N) where it is < 0. P is used
/// only where it is the larger part, N likewise, so no digits are lost. Overwrites Q where that is possible.
TwoShares gamma_shares(const Tensor& R, const Tensor& z, Tensor Q, const Tensor& sign, double gamma,
                       const Stabiliser& S);

/// s + t and s - t for s = alpha R / S(P) and t = beta R / S(N). Overwrites Q where that is possible.
TwoShares alphabeta_shares(const Tensor& R, const Tensor& z, Tensor Q, double alpha, double beta, const Stabiliser& S);

/// s and t themselves, from P. Overwrites P where that is possible.
TwoShares alphabeta_parts(const Tensor& R, const Tensor& z, Tensor P, double alpha, double beta, const Stabiliser& S);

/// x * (a * g) + |x| * (b * h), written into the memory of g where that is possible.
Tensor join_shares(const Tensor& x, Tensor g, double a, const Tensor& h, double b);

}  // namespace lrp
