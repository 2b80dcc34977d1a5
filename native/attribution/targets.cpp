#include "targets.h"

#include <ATen/ATen.h>

#include <limits>

#include "../error.h"

namespace lrp {

Start start_from(const std::string& name) {
  if (name == "logit") return Start::logit;
  if (name == "one") return Start::one;
  if (name == "probability") return Start::probability;
  if (name == "sigmoid") return Start::sigmoid;
  if (name == "difference") return Start::difference;
  if (name == "activation") return Start::activation;
  throw Error("INVALID_ARGUMENT",
              "start '" + name + "' is none of logit, one, probability, sigmoid, difference, activation");
}

Tensor target_rows(const Tensor& targets, const Tensor& logits) {
  if (logits.dim() != 2) {
    throw Error("UNSUPPORTED", "the model's output has shape " + c10::str(logits.sizes()) +
                                   ": explanations start from logits of shape [batch, classes]");
  }
  if (!targets.defined()) return logits.argmax(1).unsqueeze(0);
  const int64_t batch = logits.size(0), classes = logits.size(1);
  if (targets.dim() != 2 || targets.size(1) != batch) {
    throw Error("INVALID_ARGUMENT", "there must be one target for each of the " + std::to_string(batch) + " images");
  }
  const int64_t lowest = targets.min().item<int64_t>(), highest = targets.max().item<int64_t>();
  if (lowest < 0 || highest >= classes) {
    throw Error("INVALID_ARGUMENT", "target " + std::to_string(lowest < 0 ? lowest : highest) +
                                        " does not exist: the model has classes 0 to " + std::to_string(classes - 1));
  }
  return targets.to(logits.device(), at::kLong);
}

Tensor initial_relevance(const Tensor& logits, const Tensor& target, Start start) {
  const Tensor index = target.unsqueeze(1);
  Tensor values = logits;
  if (start == Start::one) values = at::ones_like(logits);
  const bool is_single = logits.size(1) == 1;
  if (start == Start::probability) values = is_single ? logits.sigmoid() : logits.softmax(1);
  if (start == Start::sigmoid) values = logits.sigmoid();
  Tensor result = at::zeros_like(logits).scatter_(1, index, values.gather(1, index));
  if (start == Start::difference && !is_single) {  // the other class of a single logit has the logit 0
    const Tensor others = logits.scatter(1, index, -std::numeric_limits<double>::infinity());
    const Tensor runner_up = others.argmax(1, true);
    result.scatter_(1, runner_up, -logits.gather(1, runner_up));
  }
  return result;
}

}  // namespace lrp
