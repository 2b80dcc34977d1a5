#include "train_step.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "../error.h"

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

TrainOptions on_device(TrainOptions options, c10::Device device) {
  auto& weights = options.loss.class_weights;
  if (weights) weights = weights->to(device, at::kFloat);
  return options;
}

}  // namespace

TrainStep::TrainStep(const Graph& graph, c10::Device device, const TrainOptions& options, int64_t batches_per_epoch,
                     Collective& collective)
    : options_(on_device(options, device)),
      batches_per_epoch_(batches_per_epoch),
      collective_(collective),
      schedule_(options.schedule, (batches_per_epoch + options.accumulate - 1) / options.accumulate),
      optimizer_(options.optimizer, groups_of(graph, options.groups)),
      scaler_(options.precision == "fp16", device),
      gradients_(graph, device, options_, optimizer_.parameters(), scaler_) {}

bool TrainStep::operator()(BatchLoader& loader, const Tensor& targets, TrainState& state, Meter& meter) {
  const int64_t parts = std::min(options_.accumulate, batches_per_epoch_ - state.batch);
  std::vector<Batch> batches;
  try {
    batches = loader.next(parts, collective_.patience());
  } catch (const Error&) {
    if (collective_.patience().cancelled()) return false;
    throw;
  }
  StepGradients gradients = gradients_.none();
  int64_t images = 0;
  for (auto& batch : batches) {
    const int64_t number = state.epoch * batches_per_epoch_ + state.batch;
    const double weight = collective_.weight(options_.loss, targets, batch.own, batch.whole);
    const double counts = weight * static_cast<double>(batch.whole.numel());
    const BatchGradients::Place place{state.epoch, collective_.draw_of(number), weight / static_cast<double>(parts),
                                      counts};
    if (weight != 0) gradients_.add(loader, batch, place, meter, gradients);
    images += batch.whole.numel();
    ++state.batch;
    batch = {};
  }
  const bool of_all = collective_.sum(gradients, meter.pending());
  if (meter.settle(images, of_all)) check(state);
  const Tensor overflow = scaler_.unscale(gradients);
  clip(gradients);
  optimizer_.step([&gradients](const Piece& piece) { return gradients.piece(piece); }, rate_factor(state, state.step),
                  overflow);
  ++state.step;
  return true;
}

double TrainStep::rate_factor(const TrainState& state, int64_t step) const {
  return schedule_.factor(step) * state.plateau.factor;
}

void TrainStep::check(const TrainState& state) const {
  if (std::isfinite(state.loss_sum)) return;
  const std::string where = "the loss is not finite at step " + std::to_string(state.step + 1) + " (epoch " +
                            std::to_string(state.epoch + 1) + ")";
  throw Error("NUMERIC", where + ": " + gradients_.fault() + "; try a smaller learning rate or gradient clipping");
}

void TrainStep::clip(StepGradients& gradients) const {
  if (options_.gradient_clip <= 0) return;
  const at::NoGradGuard no_grad;
  const Tensor norm = at::stack(at::_foreach_norm(gradients.all(), 2)).norm();
  const Tensor share = norm.add(1e-6).reciprocal().mul(options_.gradient_clip).clamp_max(1);
  at::_foreach_mul_(gradients.all(), share);
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
