#include "linear_map.h"

#include <ATen/ATen.h>

namespace lrp {

namespace {
/// Parts of weights up to this size are kept on the CPU (all convolutions in use). The dense layers of VGG are beyond
/// it: there parts are taken while the weights stream by (split_dense.h).
constexpr int64_t kLargestKept = 8 << 20;
}  // namespace

Tensor Part::of(const Tensor& v) const {
  switch (kind) {
    case kFull:
      return v;
    case kPositive:
      return v.clamp_min(0);
    case kNegative:
      return v.clamp_max(0);
    case kSquared:
      return v.square();
    case kOnes:
      return at::ones_like(v);
    case kBoostedPositive:
      return v.clamp_min(0).mul_(gamma).add_(v);
    case kBoostedNegative:
      return v.clamp_max(0).mul_(gamma).add_(v);
  }
  return v;
}

Tensor LinearMap::weight(Part part) const {
  if (part.kind == Part::kFull || !weight_.defined()) return weight_;
  if (weight_.device().is_cpu() && weight_.numel() > kLargestKept) return part.of(weight_);
  const std::lock_guard<std::mutex> lock(mutex_);
  Tensor& kept = kept_[part];
  if (!kept.defined()) kept = part.of(weight_);
  return kept;
}

Tensor LinearMap::bias(Part part) const {
  return bias_.defined() && part.kind != Part::kOnes ? part.of(bias_) : Tensor();
}

Tensor LinearMap::forward(const Tensor& x, Part part, bool with_bias) const {
  return forward(x, weight(part), with_bias ? bias(part) : Tensor());
}

Tensor LinearMap::input_gradient(const Tensor& g, const Tensor& x, Part part) const {
  return input_gradient(g, x, weight(part));
}

}  // namespace lrp
