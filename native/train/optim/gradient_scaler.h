#pragma once
#include <ATen/Tensor.h>

#include "../step_gradients.h"

namespace lrp {

using at::Tensor;

/// Gradient scaling for fp16, as torch.amp.GradScaler: starts at 2^16, halves on overflow, doubles after 2000 good
/// steps.
class GradientScaler {
 public:
  GradientScaler(bool active, c10::Device device);
  Tensor scaled(const Tensor& loss) const { return active_ ? loss.mul(scale_) : loss; }
  /// Divides the gradients by the scale; holds 1 when they overflowed and the step is to be left out. Undefined where
  /// inactive.
  Tensor unscale(StepGradients& gradients);

  /// Undefined where inactive; the state in them is changed in place.
  Tensor scale() const { return scale_; }
  Tensor growth() const { return growth_; }

 private:
  bool active_;
  Tensor scale_, growth_;
};

}  // namespace lrp
