#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace lrp {

using at::Tensor;

struct ConvolutionWindow {
  std::vector<int64_t> stride, padding, dilation;
};

/// Whether a gradient with respect to `weight` is recorded that `one_channel_convolution` finds faster: of a
/// convolution over the last two axes of [images, 1, height, width] in float32 on the CPU.
bool fits_one_channel(const Tensor& x, const Tensor& weight);

/// The convolution, whose gradient with respect to the weight is one product over all windows. oneDNN, which expects
/// more channels, takes 1.5 to 5 times as long for it. `bias` may be undefined.
Tensor one_channel_convolution(const Tensor& x, const Tensor& weight, const Tensor& bias,
                               const ConvolutionWindow& window);

}  // namespace lrp
