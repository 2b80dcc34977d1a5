#include "loss.h"

#include <ATen/ATen.h>

#include "../../error.h"

namespace lrp {

namespace {

Tensor values_of(const Tensor& targets, const Tensor& output) {
  if (holds_classes(targets)) return at::one_hot(targets, output.size(-1)).to(output.scalar_type());
  return targets.to(output.scalar_type()).view_as(output);
}

}  // namespace

bool holds_classes(const Tensor& targets) { return targets.scalar_type() == at::kLong; }

Tensor loss_of(const LossOptions& options, const Tensor& output, const Tensor& targets) {
  const Tensor z = output.scalar_type() == at::kDouble ? output : output.to(at::kFloat);
  const std::string& name = options.name;
  const c10::optional<Tensor> weights =
      options.class_weights ? c10::optional<Tensor>(options.class_weights->to(z.options())) : c10::nullopt;
  if (name == "cross-entropy" || name == "nll") {
    if (!holds_classes(targets))
      throw Error("INVALID_ARGUMENT", "the loss '" + name + "' needs class numbers as targets, not values");
    if (name == "cross-entropy") {
      return at::cross_entropy_loss(z, targets, weights, at::Reduction::Mean, -100, options.label_smoothing);
    }
    return at::nll_loss(at::log_softmax(z, 1), targets, weights);
  }
  if (name == "binary-cross-entropy") {
    if (holds_classes(targets))
      throw Error("INVALID_ARGUMENT", "the loss '" + name + "' needs values as targets, not class numbers");
    return at::binary_cross_entropy_with_logits(z, values_of(targets, z));
  }
  if (name == "mse") return at::mse_loss(z, values_of(targets, z));
  if (name == "mae") return at::l1_loss(z, values_of(targets, z));
  if (name == "huber") return at::huber_loss(z, values_of(targets, z), at::Reduction::Mean, options.huber_delta);
  throw Error("INVALID_ARGUMENT", "there is no loss '" + name + "'");
}

bool has_answers(const LossOptions& options, const Tensor& targets) {
  return holds_classes(targets) || options.name == "binary-cross-entropy";
}

Tensor correct_of(const Tensor& output, const Tensor& targets) {
  if (!holds_classes(targets)) {
    return output.detach().gt(0).eq(targets.view_as(output).gt(0.5)).to(at::kDouble).flatten(1).mean(1).sum();
  }
  return output.detach().argmax(1).eq(targets).sum();
}

double loss_weight(const LossOptions& options, const Tensor& targets) {
  const bool weighted = options.class_weights && (options.name == "cross-entropy" || options.name == "nll");
  if (!weighted) return static_cast<double>(targets.size(0));
  const Tensor& weights = *options.class_weights;
  return weights.index_select(0, targets.to(weights.device())).sum().item<double>();
}

}  // namespace lrp
