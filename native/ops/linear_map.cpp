#include "linear_map.h"

#include <ATen/ATen.h>

#include "../error.h"

namespace lrp {

namespace {
/// Parts of weights up to this size are kept on the CPU (all convolutions in use). The dense layers of VGG are beyond
/// it: there parts are taken while the weights stream by (split_dense.h).
constexpr int64_t kLargestKept = 8 << 20;
constexpr size_t kMostKept = 4;
}  // namespace

Tensor Part::of(const Tensor& v) const {
  if (kind == kSquared) return v.square();
  if (kind == kOnes) return at::ones_like(v);
  if (is_full()) return v;
  if (above == 1 && below == -1) return v.abs();
  if (below == 0) return above == 1 ? v.clamp_min(0) : v.clamp_min(0).mul_(above);
  if (above == 0) return below == 1 ? v.clamp_max(0) : v.clamp_max(0).mul_(below);
  Tensor result = below == 1 ? v.clone() : v * below;
  return result.add_(v.clamp_min(0), above - below);
}

Tensor LinearMap::weight(Part part) const {
  if (part.is_full() || !weight_.defined()) return weight_;
  if (weight_.device().is_cpu() && weight_.numel() > kLargestKept) return part.of(weight_);
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = kept_.find(part);
  if (found != kept_.end()) return found->second;
  if (kept_.size() >= kMostKept) kept_.clear();  // parts of other factors that were tried: gamma 0.1, gamma 0.2, ...
  return kept_[part] = part.of(weight_);
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

void LinearMap::check_bias(int64_t outputs) const {
  if (!bias_.defined() || (bias_.dim() == 1 && bias_.size(0) == outputs)) return;
  throw Error("INVALID_ARGUMENT", "the bias must have " + std::to_string(outputs) + " numbers, one for each output");
}

}  // namespace lrp
