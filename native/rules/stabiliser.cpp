#include "stabiliser.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "../error.h"
#include "../ops/per_instruction_set.h"

namespace lrp {

namespace {

constexpr int64_t kGrain = 1 << 15;

bool fits_one_loop(const Tensor& a, const Tensor& b) {
  return a.device().is_cpu() && b.device().is_cpu() && a.scalar_type() == at::kFloat && b.scalar_type() == at::kFloat &&
         a.sizes() == b.sizes() && a.strides() == b.strides() && a.is_non_overlapping_and_dense();
}

LRP_PER_INSTRUCTION_SET
void divide(const float* r, const float* z, float* out, int64_t n, float scale, Stabiliser::Added added) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    const float quotient = scale * r[i] / (z[i] + added.to(z[i]));
    out[i] = r[i] == 0 ? 0 : quotient;
  }
}

/// `result` may be z.
Tensor divide(const Tensor& R, const Tensor& z, Tensor result, double scale, const Stabiliser& S) {
  const float *r = R.const_data_ptr<float>(), *d = z.const_data_ptr<float>();
  auto* out = result.data_ptr<float>();
  at::parallel_for(0, R.numel(), kGrain, [=, added = S.added()](int64_t begin, int64_t end) {
    divide(r + begin, d + begin, out + begin, end - begin, static_cast<float>(scale), added);
  });
  return result;
}

/// R in the memory order of z.
Tensor ordered_like(const Tensor& R, const Tensor& z) {
  return R.strides() == z.strides() ? R : R.contiguous(z.suggest_memory_format());
}

}  // namespace

Stabiliser Stabiliser::from(const Attributes& settings) {
  const double epsilon = settings.number("epsilon");
  if (!(epsilon >= 0)) throw Error("INVALID_ARGUMENT", "parameter 'epsilon' must be 0 or more");
  const std::string mode = settings.text("stabiliser");
  if (mode == "signed") return {epsilon, kSigned};
  if (mode == "signed-below") return {epsilon, kSignedBelow};
  if (mode == "at-zero") return {epsilon, kAtZero};
  if (mode == "plain") return {epsilon, kPlain};
  throw Error("INVALID_ARGUMENT",
              "parameter 'stabiliser' must be signed, signed-below, at-zero or plain, not '" + mode + "'");
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

Stabiliser::Added Stabiliser::added() const {
  const auto eps = static_cast<float>(epsilon);
  switch (mode) {
    case kSigned:
      return {-eps, eps, eps};
    case kSignedBelow:
      return {-eps, -eps, eps};
    case kAtZero:
      return {0, eps, 0};
    case kPlain:
      return {eps, eps, eps};
  }
  return {0, 0, 0};
}

Tensor ratio(const Tensor& relevance, const Tensor& z, const Stabiliser& S, double scale) {
  const Tensor R = z.device().is_cpu() ? ordered_like(relevance, z) : relevance;
  if (fits_one_loop(R, z)) return divide(R, z, at::empty_like(z), scale, S);
  Tensor result = S(z);
  at::div_out(result, R, result);
  if (S.epsilon == 0) result.masked_fill_(R.eq(0), 0);
  return scale == 1 ? result : result.mul_(scale);
}

Tensor ratio_in_place(const Tensor& relevance, Tensor z, const Stabiliser& S, double scale) {
  const Tensor R = ordered_like(relevance, z);
  return fits_one_loop(R, z) ? divide(R, z, z, scale, S) : ratio(R, z, S, scale);
}

}  // namespace lrp
