#include "training_forward.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <set>

#include "../finite.h"
#include "../graph/images_alone.h"
#include "../ops/random.h"
#include "counter_random.h"

namespace lrp {

TrainingForward::TrainingForward(const Graph& graph, c10::Device device, uint64_t seed,
                                 const std::vector<std::string>& names)
    : graph_(graph), device_(device), seed_(seed), mixes_(!lrp::takes_images_alone(graph)) {
  const std::set<std::string> trained(names.begin(), names.end());
  for (const auto& node : graph.nodes()) {
    bool learnable = false, some = false;
    for (const auto& [role, name] : node.parameter_names) {
      learnable = learnable || role == "weight" || role == "bias";
      some = some || trained.count(name) > 0;
    }
    frozen_.push_back(learnable && !some);
    drops_ = drops_ || node.op->draws();
    mixes_ = mixes_ || (node.op->mixes_images() && !frozen_.back());
  }
}

Tensor TrainingForward::operator()(const Tensor& x, int64_t batch, const Observe& observe) const {
  if (drops_) {
    const uint64_t drawn = Random(seed_, kDropout, static_cast<uint64_t>(batch)).next();
    training_generator(device_.type()).set_current_seed(drawn);
  }
  return graph_.run(x, [&](size_t i, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
    Pass training = pass;
    training.training = !frozen_[i];
    Tensor output = node.op->forward(inputs, training);
    observe(i, inputs, output);
    return output;
  });
}

std::string find_fault(const Graph& graph, const Tensor& x) {
  const at::NoGradGuard no_grad;
  for (const auto& node : graph.nodes()) {
    for (const auto& [role, tensor] : node.parameters) {
      if (!all_finite(tensor)) return "the " + role + " of layer '" + node.name + "' is not finite";
    }
  }
  if (!x.defined()) return "the weights are finite";
  std::string fault;
  graph.run(x, [&fault](size_t, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
    const Tensor result = node.op->forward(inputs, pass);
    if (fault.empty() && !all_finite(result))
      fault = "the output of layer '" + node.name + "' is the first that is not finite";
    return result;
  });
  return fault.empty() ? "the output of every layer is finite, but the loss is not" : fault;
}

}  // namespace lrp
