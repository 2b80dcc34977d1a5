#include "stabiliser.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "../error.h"

namespace lrp {

namespace {

constexpr int64_t kGrain = 1 << 15;

bool fits_one_loop(const Tensor& a, const Tensor& b) {
  return a.device().is_cpu() && b.device().is_cpu() && a.scalar_type() == at::kFloat &&
         b.scalar_type() == at::kFloat && a.sizes() == b.sizes() && a.strides() == b.strides() &&
         a.is_non_overlapping_and_dense();
}

template <class Denominator>
Tensor divide(const Tensor& R, const Tensor& z, float scale, Denominator denominator) {
  Tensor result = at::empty_like(z);
  const float* r = R.const_data_ptr<float>();
  const float* d = z.const_data_ptr<float>();
  float* out = result.data_ptr<float>();
  at::parallel_for(0, z.numel(), kGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] = scale * r[i] / denominator(d[i]);
  });
  return result;
}

}  // namespace

Stabiliser Stabiliser::from(const Attributes& settings, double fallback) {
  const double epsilon = settings.number("epsilon", fallback);
  if (!(epsilon >= 0)) throw Error("INVALID_ARGUMENT", "epsilon must be 0 or more");
  const std::string mode = settings.text("stabiliser", "signed");
  if (mode == "signed") return {epsilon, kSigned};
  if (mode == "signed-below") return {epsilon, kSignedBelow};
  if (mode == "at-zero") return {epsilon, kAtZero};
  if (mode == "plain") return {epsilon, kPlain};
  throw Error("INVALID_ARGUMENT", "stabiliser '" + mode + "' is none of signed, signed-below, at-zero, plain");
}

Tensor Stabiliser::operator()(const Tensor& z) const {
  const auto constant = [&z](double value) { return at::scalar_tensor(value, z.options()); };
  switch (mode) {
    case kSigned: return z + at::where(z.lt(0), constant(-epsilon), constant(epsilon));
    case kSignedBelow: return z + at::where(z.gt(0), constant(epsilon), constant(-epsilon));
    case kAtZero: return at::where(z.eq(0), constant(epsilon), z);
    case kPlain: return z + epsilon;
  }
  return z;
}

Tensor ratio(const Tensor& relevance, const Tensor& z, const Stabiliser& S, double scale) {
  const Tensor R = relevance.strides() == z.strides() ? relevance : relevance.contiguous(z.suggest_memory_format());
  if (!fits_one_loop(R, z)) {
    const Tensor result = R / S(z);
    return scale == 1 ? result : result * scale;
  }
  const auto eps = static_cast<float>(S.epsilon);
  const auto factor = static_cast<float>(scale);
  switch (S.mode) {
    case Stabiliser::kSigned: return divide(R, z, factor, [eps](float v) { return v + (v < 0 ? -eps : eps); });
    case Stabiliser::kSignedBelow: return divide(R, z, factor, [eps](float v) { return v + (v > 0 ? eps : -eps); });
    case Stabiliser::kAtZero: return divide(R, z, factor, [eps](float v) { return v == 0 ? eps : v; });
    case Stabiliser::kPlain: return divide(R, z, factor, [eps](float v) { return v + eps; });
  }
  return R;
}

}  // namespace lrp
