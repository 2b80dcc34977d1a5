#include "batch_gradients.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "../precision.h"
#include "../side_by_side.h"

namespace lrp {

namespace {

std::vector<std::string> names_of(const std::vector<GroupOptions>& groups) {
  std::vector<std::string> names;
  for (const auto& group : groups) names.insert(names.end(), group.names.begin(), group.names.end());
  return names;
}

/// Each thread that takes images of its own needs gradients of its own.
bool is_small(const std::vector<Tensor>& parameters) {
  constexpr int64_t kMostNumbers = 1 << 22;
  int64_t numbers = 0;
  for (const auto& parameter : parameters) numbers += parameter.numel();
  return numbers <= kMostNumbers;
}

}  // namespace

BatchGradients::BatchGradients(const Graph& graph, c10::Device device, const TrainOptions& options,
                               std::vector<Tensor> parameters, const GradientScaler& scaler)
    : graph_(graph),
      device_(device),
      options_(options),
      parameters_(std::move(parameters)),
      scaler_(scaler),
      forward_(graph, device, options.seed, names_of(options.groups)),
      may_split_(!options.fixed_batch && device.is_cpu() && forward_.takes_images_alone() && is_small(parameters_)) {
  if (may_split_ && options.precision == "fp32") linear_ = LinearGradients(graph, names_of(options.groups));
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (linear_.computes(i)) continue;
    parameters_[i].set_requires_grad(true);
    found_by_autograd_.push_back(i);
  }
}

BatchGradients::~BatchGradients() {
  for (const size_t i : found_by_autograd_) parameters_[i].set_requires_grad(false);
}

void BatchGradients::add(const BatchLoader& loader, const Batch& batch, const Place& place, Meter& meter,
                         StepGradients& gradients) {
  const int64_t images = batch.own.numel(), passes = passes_for(images);
  const double all = passes == 1 ? 1 : loss_weight(options_.loss, loader.targets(batch));
  std::vector<Part> parts(static_cast<size_t>(passes));
  std::vector<PassGradients> found(parts.size());
  run_side_by_side(passes, [&](int64_t i) {
    Part& part = parts[static_cast<size_t>(i)];
    load(part, loader, batch.part(first_of_pass(i, passes, images), first_of_pass(i + 1, passes, images)), place.epoch);
    part.share = passes == 1 ? 1 : loss_weight(options_.loss, part.targets) / std::max(all, 1e-12);
    run(part, found[static_cast<size_t>(i)], place);
  });
  if (meter.finite()) last_inputs_.clear();
  for (const Part& part : parts) {
    if (meter.finite()) last_inputs_.push_back(part.input);
    meter.add(part.loss, part.correct, place.images * part.share);
  }
  gradients.add(std::move(found));
}

void BatchGradients::load(Part& part, const BatchLoader& loader, const Batch& own, int64_t epoch) const {
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  const Samples samples = loader.load(own, device_);
  const auto keys = options_.augment ? loader.keys(own, epoch) : std::vector<int64_t>{};
  part.targets = samples.targets;
  part.input = prepare_images(samples.images, options_.preprocessing, options_.augment, options_.seed, keys);
}

void BatchGradients::run(Part& part, PassGradients& gradients, const Place& place) const {
  auto& trace = gradients.trace;
  Tensor loss;
  {
    const Autocast autocast(autocast_of_precision(options_.precision, device_), device_.type());
    const auto note = [&](size_t node, const std::vector<Tensor>& inputs, Tensor& output) {
      linear_.note(node, inputs, output, trace);
    };
    const Tensor output = forward_(part.input, place.draw, note);
    loss = loss_of(options_.loss, output, part.targets);
    const at::AutoDispatchBelowADInplaceOrView no_autograd;
    if (has_answers(options_.loss, part.targets)) part.correct = correct_of(output, part.targets);
  }
  const Tensor scaled = scaler_.scaled(loss);
  std::vector<Tensor> wanted = trace.outputs;
  for (const size_t i : found_by_autograd_) wanted.push_back(parameters_[i]);
  const Tensor weight = at::full({}, place.weight * part.share, scaled.options().requires_grad(false));
  const auto all = torch::autograd::grad({scaled}, wanted, {weight}, c10::nullopt, false, true);
  trace.gradients.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(trace.outputs.size()));
  gradients.found.resize(parameters_.size());
  for (size_t i = 0; i < found_by_autograd_.size(); ++i)
    gradients.found[found_by_autograd_[i]] = all[trace.outputs.size() + i];
  part.loss = loss.detach();  // the graphs of autograd go here, so that each thread removes its own
  trace.outputs.clear();
}

int64_t BatchGradients::passes_for(int64_t images) const {
  constexpr int64_t kFewestImages = 16;
  const int64_t passes = may_split_ ? passes_side_by_side(images, device_) : 1;
  return images >= kFewestImages * passes ? passes : 1;
}

std::string BatchGradients::fault() const {
  return find_fault(graph_, last_inputs_.empty() ? Tensor() : at::cat(last_inputs_));
}

}  // namespace lrp
