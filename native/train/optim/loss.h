#pragma once
#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

namespace lrp {

using at::Tensor;

struct LossOptions {
  /// cross-entropy, nll, binary-cross-entropy, mse, mae, huber
  std::string name;
  double label_smoothing;
  /// One weight per class for cross-entropy and nll; without them all are 1.
  std::optional<Tensor> class_weights;
  double huber_delta;
};

/// Whether targets are class numbers, not values.
bool holds_classes(const Tensor& targets);

/// Mean loss of a batch, as torch.nn.functional defines it. Targets are class numbers (int64) or values shaped like the
/// output; binary-cross-entropy takes logits of independent classes and values from 0 to 1; mse, mae and huber compare
/// the output with one-hot vectors where the targets are class numbers. nll takes the output for logits and starts with
/// a log-softmax. Throws INVALID_ARGUMENT for an unknown name, and where targets and loss do not belong together.
Tensor loss_of(const LossOptions& options, const Tensor& output, const Tensor& targets);

/// Whether there are right and wrong answers: not where values are predicted.
bool has_answers(const LossOptions& options, const Tensor& targets);

/// How many images have their highest output at their class; of independent classes the share that lies on the right
/// side of 0, summed over the images. One number, on the outputs' device.
Tensor correct_of(const Tensor& output, const Tensor& targets);

/// What the mean loss of a batch is divided by: the class weights of its targets, else how many there are. The means of
/// the parts of a batch, each times its weight, add up to the mean of the whole times the whole's.
double loss_weight(const LossOptions& options, const Tensor& targets);

}  // namespace lrp
