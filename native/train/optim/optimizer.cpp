#include "optimizer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "../../error.h"
#include "../../side_by_side.h"

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

/// One thread's update of a group.
struct Update {
  const OptimizerOptions& options;
  const ParameterGroup& group;
  GroupShare& share;
  const Tensors gradients;
  double rate;
};

/// Weight decay as a part of the gradient (all but adamw).
Tensors decayed(const Update& u) {
  const double decay = u.group.weight_decay;
  return decay == 0 ? u.gradients : at::_foreach_add(u.gradients, u.share.parameters, decay);
}

/// What is left out when it holds 1; undefined where nothing can be.
c10::optional<Tensor> given(const Tensor& overflow) {
  return overflow.defined() ? c10::optional<Tensor>(overflow) : c10::nullopt;
}

using List = at::TensorList;
using Fused = void (*)(List, List, List, List, List, List, double, double, double, double, double, bool, bool,
                       const std::optional<Tensor>&, const std::optional<Tensor>&);

void adam(const Update& u, const Tensor& overflow) {
  const Tensors counters(u.gradients.size(), u.group.counter);
  const auto& m = u.share.slots["exp_avg"];
  const auto& v = u.share.slots["exp_avg_sq"];
  Fused update = at::_fused_adam_;
  if (u.options.name == "adamw") update = at::_fused_adamw_;
  update(u.share.parameters, u.gradients, m, v, {}, counters, u.rate, kBeta1, kBeta2, u.group.weight_decay, kEps, false,
         false, {}, given(overflow));
}

void sgd(const Update& u, const Tensor& overflow) {
  const Tensors none;
  const double momentum = u.options.momentum;
  const Tensors& buffers = momentum > 0 ? u.share.slots["momentum_buffer"] : none;
  const bool first = momentum > 0 && u.group.steps == 0;
  at::_fused_sgd_(u.share.parameters, u.gradients, buffers, u.group.weight_decay, momentum, u.rate, 0,
                  u.options.nesterov, false, first, {}, given(overflow));
}

void rmsprop(const Update& u) {
  const Tensors d = decayed(u);
  auto& squares = u.share.slots["square_avg"];
  at::_foreach_mul_(squares, kAlpha);
  at::_foreach_addcmul_(squares, d, d, 1 - kAlpha);
  auto scale = at::_foreach_sqrt(squares);
  at::_foreach_add_(scale, kEps);
  if (u.options.momentum > 0) {
    auto& buffers = u.share.slots["momentum_buffer"];
    at::_foreach_mul_(buffers, u.options.momentum);
    at::_foreach_addcdiv_(buffers, d, scale);
    at::_foreach_add_(u.share.parameters, buffers, -u.rate);
  } else {
    at::_foreach_addcdiv_(u.share.parameters, d, scale, -u.rate);
  }
}

void adagrad(const Update& u) {
  const Tensors d = decayed(u);
  auto& sums = u.share.slots["sum"];
  at::_foreach_addcmul_(sums, d, d, 1);
  auto scale = at::_foreach_sqrt(sums);
  at::_foreach_add_(scale, kAdagradEps);
  at::_foreach_addcdiv_(u.share.parameters, d, scale, -u.rate);
}

void take(const Update& u, const Tensor& overflow) {
  const std::string& name = u.options.name;
  if (name == "sgd") return sgd(u, overflow);
  if (name == "rmsprop") return rmsprop(u);
  if (name == "adagrad") return adagrad(u);
  adam(u, overflow);
}

}  // namespace

Optimizer::Optimizer(OptimizerOptions options, std::vector<ParameterGroup> groups)
    : options_(std::move(options)), groups_(std::move(groups)) {
  const auto slots = slots_of(options_);
  std::vector<std::pair<size_t, size_t>> origins;  // of each parameter: its group, and its place in it
  for (size_t g = 0; g < groups_.size(); ++g) {
    ParameterGroup& group = groups_[g];
    for (size_t place = 0; place < group.parameters.size(); ++place) {
      const Tensor& parameter = group.parameters[place];
      const auto like = parameter.options().requires_grad(false);
      for (const auto& slot : slots) group.slots[slot].push_back(at::zeros_like(parameter, like));
      if (!group.counter.defined()) group.counter = at::zeros({}, like.dtype(at::kFloat));
      origins.emplace_back(g, place);
    }
  }
  const auto all = parameters();
  for (const auto& pieces : share_out(all, shares_for_threads(all))) {
    auto& shares = shares_.emplace_back();
    for (const Piece& piece : pieces) {
      const auto [g, place] = origins[piece.tensor];
      if (shares.empty() || shares.back().group != g) shares.push_back({g, {}, {}, {}});
      GroupShare& share = shares.back();
      share.pieces.push_back(piece);
      share.parameters.push_back(rows_of(groups_[g].parameters[place].detach(), piece));
      for (const auto& [slot, tensors] : groups_[g].slots) share.slots[slot].push_back(rows_of(tensors[place], piece));
    }
  }
}

void Optimizer::step(const GradientOf& gradient_of, double factor, const Tensor& overflow) {
  const at::NoGradGuard no_grad;
  const bool fused = options_.name == "sgd" || options_.name == "adam" || options_.name == "adamw";
  if (!fused && overflow.defined() && overflow.item<float>() != 0) return;
  for (auto& group : groups_) {
    if (group.parameters.empty()) continue;
    group.counter.add_(1);
    if (overflow.defined()) group.counter.sub_(overflow);
  }
  run_when_free(static_cast<int64_t>(shares_.size()), [&](int64_t i) {
    const at::AutoDispatchBelowADInplaceOrView no_autograd;
    for (GroupShare& share : shares_[static_cast<size_t>(i)]) {
      Tensors gradients;
      for (const Piece& piece : share.pieces) gradients.push_back(gradient_of(piece));
      const ParameterGroup& group = groups_[share.group];
      take({options_, group, share, gradients, group.learning_rate * factor}, overflow);
    }
  });
  for (auto& group : groups_) group.steps += group.parameters.empty() ? 0 : 1;
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
    // Adam's counter knows which steps were left out for an overflow.
    const bool counts = group.counter.defined() && options_.name.rfind("adam", 0) == 0;
    const int64_t taken = counts ? static_cast<int64_t>(group.counter.item<double>()) : group.steps;
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
    if (group.counter.defined()) group.counter.fill_(static_cast<double>(group.steps));
  }
}

}  // namespace lrp
