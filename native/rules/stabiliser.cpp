#include "stabiliser.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <limits>

#include "../error.h"

namespace lrp {

namespace {

constexpr int64_t kGrain = 1 << 15;

bool fits_one_loop(const Tensor& a, const Tensor& b) {
  return a.device().is_cpu() && b.device().is_cpu() && a.scalar_type() == at::kFloat && b.scalar_type() == at::kFloat &&
         a.sizes() == b.sizes() && a.strides() == b.strides() && a.is_non_overlapping_and_dense();
}

/// result[i] = scale * R[i] / denominator(i)
template <class Denominator>
void divide(const Tensor& R, const Tensor& result, double scale, Denominator denominator) {
  const float* r = R.const_data_ptr<float>();
  float* out = result.data_ptr<float>();
  const auto factor = static_cast<float>(scale);
  at::parallel_for(0, R.numel(), kGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] = factor * r[i] / denominator(i);
  });
}

/// `value(i)` stabilised.
template <class Value>
Tensor divide_stabilised(const Tensor& R, Tensor result, double scale, const Stabiliser& S, Value value) {
  if (S.epsilon == 0) {
    const float* r = R.const_data_ptr<float>();
    const auto infinite = std::numeric_limits<float>::infinity();
    divide(R, result, scale, [=](int64_t i) { return r[i] == 0 ? infinite : value(i); });
    return result;
  }
  with_stabiliser(S,
                  [&](auto stabilised) { divide(R, result, scale, [=](int64_t i) { return stabilised(value(i)); }); });
  return result;
}

/// R in the memory order of z.
Tensor ordered_like(const Tensor& R, const Tensor& z) {
  return R.strides() == z.strides() ? R : R.contiguous(z.suggest_memory_format());
}

}  // namespace

Stabiliser Stabiliser::from(const Attributes& settings) {
  const double epsilon = settings.number("epsilon");
  if (!(epsilon >= 0)) throw Error("INVALID_ARGUMENT", "epsilon must be 0 or more");
  const std::string mode = settings.text("stabiliser");
  if (mode == "signed") return {epsilon, kSigned};
  if (mode == "signed-below") return {epsilon, kSignedBelow};
  if (mode == "at-zero") return {epsilon, kAtZero};
  if (mode == "plain") return {epsilon, kPlain};
  throw Error("INVALID_ARGUMENT", "stabiliser '" + mode + "' must be signed, signed-below, at-zero or plain");
}

Tensor Stabiliser::operator()(const Tensor& z) const {
  const auto constant = [&z](double value) { return at::scalar_tensor(value, z.options()); };
  switch (mode) {
    case kSigned:
      // z + 0 turns -0 into 0
      return at::copysign(at::scalar_tensor(epsilon, at::dtype(z.scalar_type())), z + 0).add_(z);
    case kSignedBelow:
      return z + at::where(z.gt(0), constant(epsilon), constant(-epsilon));
    case kAtZero:
      return at::where(z.eq(0), constant(epsilon), z);
    case kPlain:
      return z + epsilon;
  }
  return z;
}

Tensor ratio(const Tensor& relevance, const Tensor& z, const Stabiliser& S, double scale) {
  const Tensor R = z.device().is_cpu() ? ordered_like(relevance, z) : relevance;
  if (fits_one_loop(R, z)) {
    const float* d = z.const_data_ptr<float>();
    return divide_stabilised(R, at::empty_like(z), scale, S, [d](int64_t i) { return d[i]; });
  }
  Tensor result = S(z);
  at::div_out(result, R, result);
  if (S.epsilon == 0) result.masked_fill_(R.eq(0), 0);
  return scale == 1 ? result : result.mul_(scale);
}

Tensor ratio_in_place(const Tensor& relevance, Tensor z, const Stabiliser& S, double scale) {
  const Tensor R = ordered_like(relevance, z);
  if (!fits_one_loop(R, z)) return ratio(R, z, S, scale);
  const float* d = z.const_data_ptr<float>();
  return divide_stabilised(R, z, scale, S, [d](int64_t i) { return d[i]; });
}

}  // namespace lrp
