#pragma once
#include <ATen/core/Tensor.h>

#include <string>

namespace lrp {

using at::Tensor;

/// What the relevance starts from: the logit of the target, 1, its probability by softmax (of a single logit by
/// sigmoid) or by its own sigmoid, logits of target and runner-up, or the
/// activation of the named concepts.
enum class Start { logit, one, probability, sigmoid, difference, activation };

Start start_from(const std::string& name);

/// Targets as rows [explanations, batch]: those given, checked against the classes, or the argmax.
Tensor target_rows(const Tensor& targets, const Tensor& logits);

/// Relevance at the output [batch, classes] for one target per image [batch].
Tensor initial_relevance(const Tensor& logits, const Tensor& target, Start start);

}  // namespace lrp
