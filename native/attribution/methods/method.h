#pragma once
#include <string>
#include <vector>

#include "../lrp.h"

namespace lrp {

/// What a method is asked: which network, which images, which targets, and its own settings.
struct MethodArguments {
  const Graph& graph;
  Tensor x;
  /// Numbers and names that only some methods read; each method has a struct for its own. All must be given.
  Attributes settings;
  /// Methods that need one: what an absent input is, shaped like x or like one image.
  Tensor baseline;
  /// Targets, layers and cancellation hold for every method; the rest for LRP alone.
  LrpOptions lrp;
};

/// Attributions of any method in one shape; native/attribution/methods/registry.cpp lists them. Throws
/// INVALID_ARGUMENT for an unknown method or a missing setting, NUMERIC where an attribution is not finite.
Explanation attribute(const std::string& method, const MethodArguments& arguments);
std::vector<std::string> method_names();

// One function per method.
Explanation by_lrp(const MethodArguments&);
Explanation by_gradient(const MethodArguments&);
Explanation by_input_x_gradient(const MethodArguments&);
Explanation by_integrated_gradients(const MethodArguments&);
Explanation by_smoothgrad(const MethodArguments&);
Explanation by_occlusion(const MethodArguments&);
Explanation by_grad_cam(const MethodArguments&);
Explanation by_attention_rollout(const MethodArguments&);
Explanation by_chefer(const MethodArguments&);
Explanation by_random(const MethodArguments&);

// What several methods need.

/// Gradient of the explained numbers at `x`: LRP with no rules, started from 1.
Explanation gradient_at(const MethodArguments& a, const Tensor& x, const Targets& target);
/// Logits, target and scores, without an attribution yet.
Explanation asked(const MethodArguments& a);
/// The baseline as it broadcasts against x. Throws INVALID_ARGUMENT where it is missing or does not fit.
Tensor checked_baseline(const MethodArguments& a);
/// A seed for one image [1, ...] that depends on its values and the given seed alone: neither on the batch that it is
/// in nor on its place there.
uint64_t seed_of_image(const Tensor& image, uint64_t seed);

}  // namespace lrp
