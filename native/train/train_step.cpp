#include "train_step.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "../error.h"
#include "../precision.h"
#include "../side_by_side.h"

namespace lrp {

namespace {

std::vector<ParameterGroup> groups_of(const Graph& graph, const std::vector<GroupOptions>& options) {
  std::vector<ParameterGroup> groups;
  for (const auto& option : options) {
    auto& group = groups.emplace_back(ParameterGroup{option, {}});
    for (const auto& name : option.names) {
      const auto found = graph.tensors().find(name);
      if (found == graph.tensors().end()) throw Error("NOT_FOUND", "the model has no parameter '" + name + "'");
      group.parameters.push_back(found->second);
    }
  }
  return groups;
}

std::set<std::string> names_of(const std::vector<GroupOptions>& groups) {
  std::set<std::string> names;
  for (const auto& group : groups) names.insert(group.names.begin(), group.names.end());
  return names;
}

}  // namespace

TrainStep::TrainStep(const Graph& graph, c10::Device device, const TrainOptions& options, int64_t batches_per_epoch,
                     Collective& collective)
    : graph_(graph),
      device_(device),
      options_(options),
      batches_per_epoch_(batches_per_epoch),
      collective_(collective),
      schedule_(options.schedule, (batches_per_epoch + options.accumulate - 1) / options.accumulate),
      optimizer_(options.optimizer, groups_of(graph, options.groups)),
      parameters_(optimizer_.parameters()),
      scaler_(options.precision == "fp16", device),
      forward_(graph, device, options.seed, names_of(options.groups)) {
  auto& weights = options_.loss.class_weights;
  if (weights) weights = weights->to(device, at::kFloat);
  for (auto& parameter : parameters_) {
    parameter.set_requires_grad(true);
    numbers_ += parameter.numel();
  }
}

TrainStep::~TrainStep() {
  for (auto& parameter : parameters_) parameter.set_requires_grad(false);
}

bool TrainStep::operator()(BatchLoader& loader, const Tensor& targets, TrainState& state, Meter& meter) {
  const int64_t parts = std::min(options_.accumulate, batches_per_epoch_ - state.batch);
  std::vector<Batch> batches;
  try {
    batches = loader.next(parts, collective_.patience());
  } catch (const Error&) {
    if (collective_.patience().cancelled()) return false;
    throw;
  }
  std::vector<Tensor> gradients(parameters_.size());
  int64_t images = 0;
  for (auto& batch : batches) {
    backward(loader, batch, targets, static_cast<double>(parts), state, meter, gradients);
    images += batch.whole.numel();
    ++state.batch;
    batch = {};
  }
  for (size_t i = 0; i < gradients.size(); ++i) {
    // Convolutions give them in the order of their input; the optimisers' kernels read both from first to last.
    gradients[i] = gradients[i].defined() ? gradients[i].contiguous() : at::zeros_like(parameters_[i]);
  }
  const bool of_all = collective_.sum(gradients, meter.pending());
  if (meter.settle(images, of_all)) check(state);
  const Tensor overflow = scaler_.unscale(gradients);
  clip(gradients);
  optimizer_.step(gradients, rate_factor(state, state.step), overflow);
  ++state.step;
  return true;
}

void TrainStep::backward(const BatchLoader& loader, const Batch& batch, const Tensor& targets, double parts,
                         const TrainState& state, Meter& meter, std::vector<Tensor>& gradients) {
  const double weight = collective_.weight(options_.loss, targets, batch.own, batch.whole);
  if (weight == 0) return;
  const Samples samples = loader.load(batch, device_);
  const auto keys = options_.augment ? loader.keys(batch, state.epoch) : std::vector<int64_t>{};
  const Tensor x = prepare_images(samples.images, options_.preprocessing, options_.augment, options_.seed, keys);
  if (meter.finite()) last_input_ = x;
  const int64_t images = x.size(0), passes = passes_for(images),
                number = state.epoch * batches_per_epoch_ + state.batch;
  const double all = passes == 1 ? 1 : loss_weight(options_.loss, samples.targets);
  std::vector<Part> found(static_cast<size_t>(passes));
  run_side_by_side(passes, [&](int64_t i) {
    const int64_t first = first_of_pass(i, passes, images), last = first_of_pass(i + 1, passes, images);
    Part& part = found[static_cast<size_t>(i)];
    part.targets = samples.targets.slice(0, first, last);
    part.share = passes == 1 ? 1 : loss_weight(options_.loss, part.targets) / std::max(all, 1e-12);
    backward(part, x.slice(0, first, last), number, weight / parts * part.share);
  });
  for (const Part& part : found) {
    meter.add(part.loss, part.output, part.targets, weight * part.share * static_cast<double>(batch.whole.numel()));
    for (size_t i = 0; i < part.gradients.size(); ++i) {
      const Tensor& more = part.gradients[i];
      if (more.defined()) gradients[i] = gradients[i].defined() ? gradients[i].add_(more) : more;
    }
  }
}

void TrainStep::backward(Part& part, const Tensor& x, int64_t batch, double weight) const {
  {
    const Autocast autocast(autocast_of_precision(options_.precision, device_), device_.type());
    part.output = forward_(x, collective_.draw_of(batch));
    part.loss = loss_of(options_.loss, part.output, part.targets);
  }
  const Tensor scaled = scaler_.scaled(weight == 1 ? part.loss : part.loss * weight);
  part.gradients = torch::autograd::grad({scaled}, parameters_, {}, c10::nullopt, false, true);
}

int64_t TrainStep::passes_for(int64_t images) const {
  constexpr int64_t kMostParameters = 1 << 22, kFewestImages = 16;  // each thread has gradients of its own
  const bool may = !options_.fixed_batch && forward_.takes_images_alone() && numbers_ <= kMostParameters;
  const int64_t passes = may ? passes_side_by_side(images, device_) : 1;
  return images >= kFewestImages * passes ? passes : 1;
}

double TrainStep::rate_factor(const TrainState& state, int64_t step) const {
  return schedule_.factor(step) * state.plateau.factor;
}

void TrainStep::check(const TrainState& state) const {
  if (std::isfinite(state.loss_sum)) return;
  const std::string where = "the loss is not finite at step " + std::to_string(state.step + 1) + " (epoch " +
                            std::to_string(state.epoch + 1) + ")";
  const std::string fault = find_fault(graph_, last_input_);
  throw Error("NUMERIC", where + ": " + fault + "; try a smaller learning rate or gradient clipping");
}

void TrainStep::clip(std::vector<Tensor>& gradients) const {
  if (options_.gradient_clip <= 0) return;
  const at::NoGradGuard no_grad;
  const Tensor norm = at::stack(at::_foreach_norm(gradients, 2)).norm();
  const Tensor share = norm.add(1e-6).reciprocal().mul(options_.gradient_clip).clamp_max(1);
  at::_foreach_mul_(gradients, share);
}

std::map<std::string, Tensor> TrainStep::remembered() const {
  auto state = optimizer_.state();
  if (scaler_.scale().defined()) {
    state["scaler/scale"] = scaler_.scale();
    state["scaler/growth"] = scaler_.growth();
  }
  return state;
}

void TrainStep::recall(const std::map<std::string, Tensor>& remembered) {
  const at::NoGradGuard no_grad;
  optimizer_.load(remembered);
  if (remembered.count("scaler/scale") == 0 || !scaler_.scale().defined()) return;
  scaler_.scale().copy_(remembered.at("scaler/scale"));
  scaler_.growth().copy_(remembered.at("scaler/growth"));
}

}  // namespace lrp
