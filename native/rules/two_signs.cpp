#include "two_signs.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <functional>

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
  with_stabiliser(S, [&](auto stabilised) {
    at::parallel_for(0, z.numel(), kShareGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float side = static_cast<float>(of_sign[i] > 0) - static_cast<float>(of_sign[i] < 0);
        const float share = side == 0 || r[i] == 0 ? 0 : r[i] / stabilised(a * of_z[i] + side * b * q[i]);
        sum[i] = share;
        q[i] = side * share;
      }
    });
  });
  return result;
}

namespace {

enum class Gives { kSumAndDifference, kBoth };

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
  const bool both = beta != 0;
  TwoShares result{at::empty_like(z), known};
  const float *r = R.const_data_ptr<float>(), *of_z = z.const_data_ptr<float>();
  float *first = result.first.data_ptr<float>(), *second = known.data_ptr<float>();
  const auto a = static_cast<float>(alpha), b = static_cast<float>(beta);
  Grown grown;
  with_stabiliser(S, [&](auto stabilised) {
    const auto part = [=](int64_t begin, int64_t end, Grown so_far) {
      for (int64_t from = begin; from < end; from += kStretch) {  // in float within a stretch, in double over all
        const int64_t to = std::min(end, from + kStretch);
        float errors = 0, all = 0;
#pragma omp simd reduction(+ : errors, all)
        for (int64_t i = from; i < to; ++i) {
          const float P = apart ? second[i] : (of_z[i] + second[i]) / 2;
          const float N = apart ? of_z[i] - P : (of_z[i] - second[i]) / 2;
          const float s = r[i] == 0 ? 0 : r[i] / stabilised(P);
          const float t = r[i] == 0 || !both ? 0 : r[i] / stabilised(N);
          errors += std::max(std::abs(s), std::abs(t)) * (P - N);
          all += std::abs(r[i]);
          first[i] = apart ? a * s : a * s + b * t;
          second[i] = apart ? b * t : a * s - b * t;
        }
        so_far = so_far + Grown{errors, all};
      }
      return so_far;
    };
    grown = at::parallel_reduce(0, z.numel(), kShareGrain, Grown(), part, std::plus<Grown>());
  });
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
    for (int64_t i = begin; i < end; ++i) out[i] = in[i] * of_a * out[i] + std::abs(in[i]) * of_b * of_h[i];
  });
  return g;
}

}  // namespace lrp
