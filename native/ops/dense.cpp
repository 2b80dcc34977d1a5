#include "dense.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>

namespace lrp {

namespace {

/// Between these numbers of weights, oneDNN is faster than MKL. For more weights, it needs much memory.
constexpr int64_t kLeastForOneDnn = 1 << 18, kMostForOneDnn = 1 << 23;

/// libtorch multiplies float32 by MKL, which has its fastest code for processors of its own maker.
bool mkl_is_slow() {
#ifdef __x86_64__
  return __builtin_cpu_is("intel") == 0;
#else
  return false;
#endif
}

using Product = Tensor(const Tensor&, const Tensor&, const std::optional<Tensor>&, std::string_view,
                       c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);

/// oneDNN's x W^T + b; none in a libtorch without it.
const std::optional<c10::TypedOperatorHandle<Product>>& onednn_product() {
  static const auto product = []() -> std::optional<c10::TypedOperatorHandle<Product>> {
    const auto op = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    if (!op || !mkl_is_slow()) return std::nullopt;
    return op->typed<Product>();
  }();
  return product;
}

/// autograd and autocast know at::linear, but not oneDNN's product.
bool fits_onednn(const Tensor& x, const Tensor& weight) {
  const bool is_plain = !at::GradMode::is_enabled() && !at::autocast::is_autocast_enabled(at::kCPU);
  const bool is_float = x.is_cpu() && x.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat;
  return is_plain && is_float && x.dim() > 1 && x.numel() > 0 && weight.numel() >= kLeastForOneDnn &&
         weight.numel() <= kMostForOneDnn && onednn_product();
}

Tensor by_onednn(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const auto optional = bias.defined() ? std::optional<Tensor>(bias) : std::nullopt;
  return onednn_product()->call(x, weight, optional, "none", c10::List<std::optional<at::Scalar>>(), std::nullopt);
}

}  // namespace

Tensor dense_forward(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (fits_onednn(x, weight)) return by_onednn(x, weight, bias);
  return at::linear(x, weight, bias.defined() ? std::optional<Tensor>(bias) : std::nullopt);
}

}  // namespace lrp
