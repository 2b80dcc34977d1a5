#include "conditions.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "../error.h"
#include "channels.h"

namespace lrp {

namespace {

ChannelValues reduced(const Tensor& values, int64_t axis) {
  const Tensor flat = (values.dim() == 2 ? values.unsqueeze(2) : values.movedim(axis, 1).flatten(2)).detach();
  const auto [largest, place] = flat.max(2);
  return {flat.sum(2), largest, place};
}

Tensor gradient(const Tensor& of, const Tensor& to, const Tensor& R, bool keep) {
  return torch::autograd::grad({of}, {to}, {R}, keep, false, true)[0];
}

}  // namespace

Conditions::Conditions(const Graph& graph, const std::vector<Concept>& concepts, bool exclusive,
                       const std::vector<std::string>& measured)
    : graph_(graph), exclusive_(exclusive) {
  const auto source = [&graph](const std::string& name) {
    return static_cast<size_t>(graph.source(graph.index(name)));
  };
  for (const auto& one : concepts) {
    Named& named = named_[source(one.layer)];
    named.layer = one.layer;
    named.channels.insert(named.channels.end(), one.channels.begin(), one.channels.end());
  }
  for (const auto& layer : measured) measured_[layer] = source(layer);
}

void Conditions::name_channels(size_t index, Named& named, const Tensor& output, int64_t images) {
  named.mask = channel_mask(graph_, index, named.layer, named.channels, output, images);
  named.activation = output.detach() * named.mask;
  named.output = output;
}

Tensor Conditions::attach(size_t index, const Tensor& output, const std::vector<Tensor>& inputs, int64_t images) {
  const auto named = named_.find(index);
  const bool measured =
      std::any_of(measured_.begin(), measured_.end(), [index](const auto& layer) { return layer.second == index; });
  if (named == named_.end() && !measured) return output;
  const bool is_input =
      std::any_of(inputs.begin(), inputs.end(), [&output](const Tensor& input) { return input.is_same(output); });
  const Tensor result = is_input ? output.alias() : output;  // no view of what a ReLU will overwrite
  if (measured) {
    check_images(graph_, index, result, images);
    const int64_t axis = channel_axis(graph_, index, result.dim());
    const ChannelValues& active = activation_[index] = reduced(result, axis);
    relevance_[index] = {at::zeros_like(active.sum), at::zeros_like(active.sum), at::zeros_like(active.place)};
    if (result.requires_grad()) {
      result.register_hook([this, index, axis](const Tensor& R) { relevance_[index] = reduced(R, axis); });
    }
  }
  if (named != named_.end()) {
    name_channels(index, named->second, result, images);
    if (result.requires_grad()) {
      result.register_hook([mask = named->second.mask](const Tensor& R) { return R * mask; });
    }
  }
  return result;
}

Tensor Conditions::backward(const Tensor& output, const Tensor& x, const Tensor& start, bool keep) const {
  return exclusive_ ? through(output, start, named_.begin(), x, keep) : gradient(output, x, start, keep);
}

Tensor Conditions::backward_from_activation(const Tensor& x, bool keep) const {
  if (named_.empty()) {
    throw Error("INVALID_ARGUMENT", "relevance can start from an activation only if a concept names its layer");
  }
  const auto highest = named_.begin();
  const Named& named = highest->second;
  if (!exclusive_) return gradient(named.output, x, named.activation, keep);
  return through(named.output, named.activation, std::next(highest), x, keep);
}

/// From layer to layer: paths round one of them carry nothing.
Tensor Conditions::through(Tensor from, Tensor R, Layers::const_iterator next, const Tensor& x, bool keep) const {
  for (; next != named_.end(); ++next) {
    R = gradient(from, next->second.output, R, keep);
    if (!R.defined()) {
      throw Error("INVALID_ARGUMENT", "no path leads through layer '" + next->second.layer +
                                          "' and all exclusive layers above it: make fewer layers exclusive");
    }
    R = R * next->second.mask;
    from = next->second.output;
  }
  return gradient(from, x, R, keep);
}

std::map<std::string, ChannelValues> Conditions::by_name(const std::map<size_t, ChannelValues>& values) const {
  std::map<std::string, ChannelValues> result;
  for (const auto& [layer, index] : measured_) result[layer] = values.at(index);
  return result;
}

}  // namespace lrp
