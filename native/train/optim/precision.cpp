#include "precision.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <ATen/autocast_mode.h>

#include "../../error.h"

namespace lrp {

Precision::Precision(const std::string& name, c10::Device device) : active_(name != "fp32"), device_(device.type()) {
  if (!active_) return;
  if (name != "bf16" && name != "fp16") throw Error("INVALID_ARGUMENT", "there is no precision '" + name + "'");
  if (name == "fp16" && device.is_cpu()) {
    throw Error("UNSUPPORTED", "precision fp16 needs a CUDA device; the CPU has bf16");
  }
  at::autocast::set_autocast_dtype(device_, name == "bf16" ? at::kBFloat16 : at::kHalf);
  at::autocast::set_autocast_enabled(device_, true);
  at::autocast::set_autocast_cache_enabled(true);
}

Precision::~Precision() {
  if (!active_) return;
  at::autocast::set_autocast_enabled(device_, false);
  at::autocast::clear_cache();
}

GradientScaler::GradientScaler(bool active, c10::Device device) : active_(active) {
  if (!active) return;
  scale_ = at::full({}, 65536.0, at::device(device).dtype(at::kFloat));
  growth_ = at::zeros({}, at::device(device).dtype(at::kInt));
}

Tensor GradientScaler::unscale(const std::vector<Tensor>& gradients) {
  if (!active_) return {};
  const at::NoGradGuard no_grad;
  Tensor overflow = at::zeros({}, scale_.options());
  at::_amp_foreach_non_finite_check_and_unscale_(gradients, overflow, scale_.reciprocal());
  at::_amp_update_scale_(scale_, growth_, overflow, 2.0, 0.5, 2000);
  return overflow;
}

}  // namespace lrp
