#include "two_signs.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "../ops/per_instruction_set.h"

namespace lrp {

namespace {

constexpr int64_t kShareGrain = 1 << 15;
constexpr int64_t kStretch = 1 << 10;

bool share_one_loop(std::initializer_list<Tensor> tensors) {
  const Tensor& first = *tensors.begin();
  for (const Tensor& t : tensors) {
    if (!t.device().is_cpu() || t.scalar_type() != at::kFloat || t.sizes() != first.sizes()) return false;
    if (t.strides() != first.strides() || !t.is_non_overlapping_and_dense()) return false;
  }
  return true;
}

Tensor in_order_of(const Tensor& t, const Tensor& like) {
  return t.strides() == like.strides() ? t : at::empty_like(like, t.options()).copy_(t);
}

struct Grown {
  double errors = 0, relevance = 0;
  Grown operator+(const Grown& o) const { return {errors + o.errors, relevance + o.relevance}; }
  double share() const { return relevance > 0 ? errors / relevance : 1; }
};

LRP_PER_INSTRUCTION_SET
void gamma_loop(const float* r, const float* z, const float* of_sign, float* sum, float* q, int64_t n, float a, float b,
                Stabiliser::Added added) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    const float side = of_sign[i] > 0 ? 1.f : of_sign[i] < 0 ? -1.f : 0.f;
    const float denominator = a * z[i] + side * b * q[i];
    const float quotient = r[i] / (denominator + added.to(denominator));
    const float share = r[i] * side == 0 ? 0 : quotient;
    sum[i] = share;
    q[i] = side * share;
  }
}

LRP_PER_INSTRUCTION_SET
void join_loop(const float* x, float* g, const float* h, int64_t n, float a, float b) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) g[i] = x[i] * a * g[i] + std::abs(x[i]) * b * h[i];
}

double amplification(const Tensor& R, const Tensor& Q, const Tensor& s, const Tensor& t) {
  const Tensor errors = at::maximum(s.abs(), t.abs()).mul_(Q).sum(), all = R.abs().sum();
  return Grown{errors.item<double>(), all.item<double>()}.share();
}

}  // namespace

TwoShares gamma_shares(const Tensor& relevance, const Tensor& z, Tensor Q, const Tensor& sign, double gamma,
                       const Stabiliser& S) {
  const Tensor R = in_order_of(relevance, z);
  if (!share_one_loop({z, R, Q, sign})) {
    const Tensor denominator = z * (1 + gamma / 2) + at::sign(sign) * Q * (gamma / 2);
    const Tensor sum = ratio(R, denominator, S).masked_fill_(sign.eq(0), 0);
    return {sum, sum * at::sign(sign)};
  }
  TwoShares result{at::empty_like(z), Q};
  const float *r = R.const_data_ptr<float>(), *of_z = z.const_data_ptr<float>();
  const float* of_sign = sign.const_data_ptr<float>();
  float *sum = result.first.data_ptr<float>(), *q = Q.data_ptr<float>();
  const auto a = static_cast<float>(1 + gamma / 2), b = static_cast<float>(gamma / 2);
  at::parallel_for(0, z.numel(), kShareGrain, [=, added = S.added()](int64_t begin, int64_t end) {
    gamma_loop(r + begin, of_z + begin, of_sign + begin, sum + begin, q + begin, end - begin, a, b, added);
  });
  return result;
}

namespace {

enum class Gives { kSumAndDifference, kBoth };

struct Factors {
  float alpha, beta;
  Stabiliser::Added added;
};

/// In float: of a stretch so short that no digits are lost.
template <Gives gives>
__attribute__((always_inline)) inline Grown share_stretch(const float* r, const float* z, float* first, float* second,
                                                          int64_t n, const Factors& f) {
  constexpr bool apart = gives == Gives::kBoth;
  const float a = f.alpha, b = f.beta;
  const Stabiliser::Added added = f.added;
  float errors = 0, all = 0;
#pragma omp simd reduction(+ : errors, all)
  for (int64_t i = 0; i < n; ++i) {
    const float P = apart ? second[i] : (z[i] + second[i]) / 2;
    const float N = apart ? z[i] - P : (z[i] - second[i]) / 2;
    const float by_positive = r[i] / (P + added.to(P)), by_negative = r[i] / (N + added.to(N));
    const float s = r[i] == 0 ? 0 : by_positive;
    const float t = r[i] * b == 0 ? 0 : by_negative;
    errors += std::max(std::abs(s), std::abs(t)) * (P - N);
    all += std::abs(r[i]);
    first[i] = apart ? a * s : a * s + b * t;
    second[i] = apart ? b * t : a * s - b * t;
  }
  return {errors, all};
}

LRP_PER_INSTRUCTION_SET
Grown share_apart(const float* r, const float* z, float* first, float* second, int64_t n, const Factors& f) {
  return share_stretch<Gives::kBoth>(r, z, first, second, n, f);
}

LRP_PER_INSTRUCTION_SET
Grown share_joined(const float* r, const float* z, float* first, float* second, int64_t n, const Factors& f) {
  return share_stretch<Gives::kSumAndDifference>(r, z, first, second, n, f);
}

/// `known` is Q, or P where s and t themselves are wanted.
template <Gives gives>
TwoShares shares_of(const Tensor& relevance, const Tensor& z, const Tensor& known, double alpha, double beta,
                    const Stabiliser& S) {
  constexpr bool apart = gives == Gives::kBoth;
  const Tensor R = in_order_of(relevance, z);
  if (!share_one_loop({z, R, known})) {
    const Tensor P = apart ? known : (z + known) / 2;
    const Tensor s = ratio(R, P, S), t = ratio(R, z - P, S);
    const double grown = amplification(R, apart ? known * 2 - z : known, s, beta == 0 ? s : t);
    const Tensor a = s * alpha, b = t * beta;
    return apart ? TwoShares{a, b, grown} : TwoShares{a + b, a - b, grown};
  }
  TwoShares result{at::empty_like(z), known};
  const float *r = R.const_data_ptr<float>(), *of_z = z.const_data_ptr<float>();
  float *first = result.first.data_ptr<float>(), *second = known.data_ptr<float>();
  const Factors factors{static_cast<float>(alpha), static_cast<float>(beta), S.added()};
  const auto part = [=](int64_t begin, int64_t end, Grown so_far) {
    for (int64_t from = begin; from < end; from += kStretch) {  // in double over all stretches
      const auto share = apart ? share_apart : share_joined;
      so_far =
          so_far + share(r + from, of_z + from, first + from, second + from, std::min(kStretch, end - from), factors);
    }
    return so_far;
  };
  const Grown grown = at::parallel_reduce(0, z.numel(), kShareGrain, Grown(), part, std::plus<Grown>());
  result.amplification = grown.share();
  return result;
}

}  // namespace

TwoShares alphabeta_shares(const Tensor& R, const Tensor& z, Tensor Q, double alpha, double beta, const Stabiliser& S) {
  return shares_of<Gives::kSumAndDifference>(R, z, Q, alpha, beta, S);
}

TwoShares alphabeta_parts(const Tensor& R, const Tensor& z, Tensor P, double alpha, double beta, const Stabiliser& S) {
  return shares_of<Gives::kBoth>(R, z, P, alpha, beta, S);
}

Tensor join_shares(const Tensor& x, Tensor g, double a, const Tensor& h, double b) {
  if (!share_one_loop({x, g, h}) || g.use_count() > 1) return (x * g).mul_(a).add_(x.abs().mul_(h), b);
  const float *in = x.const_data_ptr<float>(), *of_h = h.const_data_ptr<float>();
  float* out = g.data_ptr<float>();
  const auto of_a = static_cast<float>(a), of_b = static_cast<float>(b);
  at::parallel_for(0, x.numel(), kShareGrain, [=](int64_t begin, int64_t end) {
    join_loop(in + begin, out + begin, of_h + begin, end - begin, of_a, of_b);
  });
  return g;
}

}  // namespace lrp
