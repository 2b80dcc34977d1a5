#include "gradient_scaler.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace lrp {

GradientScaler::GradientScaler(bool active, c10::Device device) : active_(active) {
  if (!active) return;
  scale_ = at::full({}, 65536.0, at::device(device).dtype(at::kFloat));
  growth_ = at::zeros({}, at::device(device).dtype(at::kInt));
}

Tensor GradientScaler::unscale(StepGradients& gradients) {
  if (!active_) return {};
  const at::NoGradGuard no_grad;
  Tensor overflow = at::zeros({}, scale_.options());
  at::_amp_foreach_non_finite_check_and_unscale_(gradients.all(), overflow, scale_.reciprocal());
  at::_amp_update_scale_(scale_, growth_, overflow, 2.0, 0.5, 2000);
  return overflow;
}

}  // namespace lrp
