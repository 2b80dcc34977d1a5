#include "one_channel.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <optional>

namespace lrp {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Sizes = std::vector<int64_t>;

/// Numbers in the windows that are copied at once.
constexpr int64_t kMostCopied = 1 << 22;

/// All windows of some images, one for each column: [numbers in a window, images * positions].
Tensor windows_of(const Tensor& padded, at::IntArrayRef kernel, at::IntArrayRef positions, const ConvolutionWindow& w) {
  const int64_t rows = padded.stride(2), columns = padded.stride(3);
  const Tensor all = padded.as_strided(
      {kernel[0], kernel[1], padded.size(0), positions[0], positions[1]},
      {w.dilation[0] * rows, w.dilation[1] * columns, padded.stride(0), w.stride[0] * rows, w.stride[1] * columns},
      padded.storage_offset());
  return all.reshape({kernel[0] * kernel[1], padded.size(0) * positions[0] * positions[1]});
}

/// The gradient with respect to the weight, from that with respect to the output.
Tensor weight_gradient(const Tensor& g, const Tensor& x, at::IntArrayRef shape, const ConvolutionWindow& w) {
  const Tensor padded = at::constant_pad_nd(x, {w.padding[1], w.padding[1], w.padding[0], w.padding[0]});
  const at::IntArrayRef kernel = shape.slice(2), positions = g.sizes().slice(2);
  const int64_t of_image = kernel[0] * kernel[1] * positions[0] * positions[1];
  const int64_t at_once = std::max<int64_t>(1, kMostCopied / std::max<int64_t>(1, of_image));
  Tensor sum = at::zeros({shape[0], kernel[0] * kernel[1]}, g.options());
  for (int64_t first = 0; first < x.size(0); first += at_once) {
    const int64_t last = std::min(first + at_once, x.size(0));
    const Tensor outputs = g.slice(0, first, last).transpose(0, 1).reshape({shape[0], -1});
    sum.addmm_(outputs, windows_of(padded.slice(0, first, last), kernel, positions, w).t());
  }
  return sum.view(shape);
}

struct OneChannelConvolution : torch::autograd::Function<OneChannelConvolution> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const std::optional<Tensor>& bias, const Sizes& stride, const Sizes& padding,
                        const Sizes& dilation) {
    context->save_for_backward({x, weight});
    context->saved_data["has_bias"] = bias.has_value();
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    context->saved_data["dilation"] = dilation;
    return at::convolution(x, weight, bias, stride, padding, dilation, false, {0, 0}, 1);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], &g = gradients[0];
    const auto sizes = [&](const char* name) { return context->saved_data[name].toIntVector(); };
    const ConvolutionWindow w{sizes("stride"), sizes("padding"), sizes("dilation")};
    variable_list found(6);
    if (context->needs_input_grad(0)) {
      found[0] = std::get<0>(at::convolution_backward(g, x, weight, std::nullopt, w.stride, w.padding, w.dilation,
                                                      false, {0, 0}, 1, {true, false, false}));
    }
    if (context->needs_input_grad(1)) found[1] = weight_gradient(g, x, weight.sizes(), w);
    if (context->saved_data["has_bias"].toBool() && context->needs_input_grad(2)) found[2] = g.sum({0, 2, 3});
    return found;
  }
};

}  // namespace

bool fits_one_channel(const Tensor& x, const Tensor& weight) {
  const bool is_recorded = at::GradMode::is_enabled() && weight.requires_grad();
  const bool is_float = x.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat;
  return is_recorded && is_float && x.is_cpu() && x.dim() == 4 && weight.dim() == 4 && weight.size(1) == 1 &&
         x.size(1) == 1 && !at::autocast::is_autocast_enabled(at::kCPU);
}

Tensor one_channel_convolution(const Tensor& x, const Tensor& weight, const Tensor& bias,
                               const ConvolutionWindow& window) {
  const auto given = bias.defined() ? std::optional<Tensor>(bias) : std::nullopt;
  return OneChannelConvolution::apply(x, weight, given, window.stride, window.padding, window.dilation);
}

}  // namespace lrp
