#include "optimizer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "../../error.h"

namespace lrp {

namespace {

using Tensors = std::vector<Tensor>;

// torch.optim's defaults.
constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kAlpha = 0.99, kEps = 1e-8, kAdagradEps = 1e-10;

std::vector<std::string> slots_of(const OptimizerOptions& o) {
  if (o.name == "adam" || o.name == "adamw") return {"exp_avg", "exp_avg_sq"};
  if (o.name == "adagrad") return {"sum"};
  if (o.name == "rmsprop" && o.momentum > 0) return {"square_avg", "momentum_buffer"};
  if (o.name == "rmsprop") return {"square_avg"};
  if (o.name == "sgd" && o.momentum > 0) return {"momentum_buffer"};
  if (o.name == "sgd") return {};
  throw Error("INVALID_ARGUMENT", "there is no optimizer '" + o.name + "'");
}

/// Weight decay as a part of the gradient (all but adamw).
Tensors decayed(const ParameterGroup& g, const Tensors& gradients) {
  return g.weight_decay == 0 ? gradients : at::_foreach_add(gradients, g.parameters, g.weight_decay);
}

/// What is left out when it holds 1; undefined where nothing can be.
c10::optional<Tensor> given(const Tensor& overflow) {
  return overflow.defined() ? c10::optional<Tensor>(overflow) : c10::nullopt;
}

void adam(const OptimizerOptions& o, ParameterGroup& g, const Tensors& gradients, double rate, Tensors& counters,
          const Tensor& overflow) {
  at::_foreach_add_(counters, 1);
  if (overflow.defined()) at::_foreach_sub_(counters, Tensors(counters.size(), overflow));
  const auto& m = g.slots["exp_avg"];
  const auto& v = g.slots["exp_avg_sq"];
  if (o.name == "adamw") {
    at::_fused_adamw_(g.parameters, gradients, m, v, {}, counters, rate, kBeta1, kBeta2, g.weight_decay, kEps, false,
                      false, {}, given(overflow));
  } else {
    at::_fused_adam_(g.parameters, gradients, m, v, {}, counters, rate, kBeta1, kBeta2, g.weight_decay, kEps, false,
                     false, {}, given(overflow));
  }
}

void sgd(const OptimizerOptions& o, ParameterGroup& g, const Tensors& gradients, double rate, const Tensor& overflow) {
  const Tensors none;
  const Tensors& buffers = o.momentum > 0 ? g.slots["momentum_buffer"] : none;
  const bool first = o.momentum > 0 && g.steps == 0;
  at::_fused_sgd_(g.parameters, gradients, buffers, g.weight_decay, o.momentum, rate, 0, o.nesterov, false, first, {},
                  given(overflow));
}

void rmsprop(const OptimizerOptions& o, ParameterGroup& g, const Tensors& gradients, double rate) {
  const Tensors d = decayed(g, gradients);
  auto& squares = g.slots["square_avg"];
  at::_foreach_mul_(squares, kAlpha);
  at::_foreach_addcmul_(squares, d, d, 1 - kAlpha);
  auto scale = at::_foreach_sqrt(squares);
  at::_foreach_add_(scale, kEps);
  if (o.momentum > 0) {
    auto& buffers = g.slots["momentum_buffer"];
    at::_foreach_mul_(buffers, o.momentum);
    at::_foreach_addcdiv_(buffers, d, scale);
    at::_foreach_add_(g.parameters, buffers, -rate);
  } else {
    at::_foreach_addcdiv_(g.parameters, d, scale, -rate);
  }
}

void adagrad(ParameterGroup& g, const Tensors& gradients, double rate) {
  const Tensors d = decayed(g, gradients);
  auto& sums = g.slots["sum"];
  at::_foreach_addcmul_(sums, d, d, 1);
  auto scale = at::_foreach_sqrt(sums);
  at::_foreach_add_(scale, kAdagradEps);
  at::_foreach_addcdiv_(g.parameters, d, scale, -rate);
}

}  // namespace

Optimizer::Optimizer(OptimizerOptions options, std::vector<ParameterGroup> groups)
    : options_(std::move(options)), groups_(std::move(groups)) {
  const auto slots = slots_of(options_);
  for (auto& group : groups_) {
    Tensors counters;
    for (const Tensor& parameter : group.parameters) {
      const auto like = parameter.options().requires_grad(false);
      for (const auto& slot : slots) group.slots[slot].push_back(at::zeros_like(parameter, like));
      counters.push_back(at::zeros({}, like.dtype(at::kFloat)));
    }
    step_counters_.push_back(std::move(counters));
  }
}

void Optimizer::step(const std::vector<Tensor>& gradients, double factor, const Tensor& overflow) {
  const at::NoGradGuard no_grad;
  const bool fused = options_.name == "sgd" || options_.name == "adam" || options_.name == "adamw";
  if (!fused && overflow.defined() && overflow.item<float>() != 0) return;
  auto next = gradients.begin();
  for (size_t i = 0; i < groups_.size(); ++i) {
    ParameterGroup& group = groups_[i];
    if (group.parameters.empty()) continue;
    const Tensors part(next, next + static_cast<long>(group.parameters.size()));
    next += static_cast<long>(part.size());
    const double rate = group.learning_rate * factor;
    if (options_.name == "sgd") {
      sgd(options_, group, part, rate, overflow);
    } else if (options_.name == "rmsprop") {
      rmsprop(options_, group, part, rate);
    } else if (options_.name == "adagrad") {
      adagrad(group, part, rate);
    } else {
      adam(options_, group, part, rate, step_counters_[i], overflow);
    }
    ++group.steps;
  }
}

std::vector<Tensor> Optimizer::parameters() const {
  std::vector<Tensor> all;
  for (const auto& group : groups_) all.insert(all.end(), group.parameters.begin(), group.parameters.end());
  return all;
}

std::map<std::string, Tensor> Optimizer::state() const {
  std::map<std::string, Tensor> result;
  for (size_t i = 0; i < groups_.size(); ++i) {
    const ParameterGroup& group = groups_[i];
    for (const auto& [slot, tensors] : group.slots) {
      for (size_t j = 0; j < tensors.size(); ++j) result[slot + "/" + group.names[j]] = tensors[j];
    }
    // Adam's counters know which steps were left out for an overflow.
    const Tensors& counters = step_counters_[i];
    const bool counts = !counters.empty() && options_.name.rfind("adam", 0) == 0;
    const int64_t taken = counts ? static_cast<int64_t>(counters[0].item<double>()) : group.steps;
    result["steps/" + std::to_string(i)] = at::scalar_tensor(taken, at::dtype(at::kLong));
  }
  return result;
}

void Optimizer::load(const std::map<std::string, Tensor>& state) {
  const at::NoGradGuard no_grad;
  const auto find = [&state](const std::string& name, at::IntArrayRef shape) -> const Tensor& {
    const auto found = state.find(name);
    if (found == state.end() || found->second.sizes() != shape) {
      throw Error("INVALID_FILE", "the checkpoint has no state '" + name + "' that matches this model and optimizer");
    }
    return found->second;
  };
  for (size_t i = 0; i < groups_.size(); ++i) {
    ParameterGroup& group = groups_[i];
    for (auto& [slot, tensors] : group.slots) {
      for (size_t j = 0; j < tensors.size(); ++j)
        tensors[j].copy_(find(slot + "/" + group.names[j], tensors[j].sizes()));
    }
    group.steps = find("steps/" + std::to_string(i), {}).item<int64_t>();
    for (Tensor& counter : step_counters_[i]) counter.fill_(static_cast<double>(group.steps));
  }
}

}  // namespace lrp
