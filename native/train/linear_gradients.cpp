#include "linear_gradients.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "share_out.h"

namespace lrp {

namespace {

std::optional<size_t> place_of(const std::vector<std::string>& names, const Node& node, const std::string& role) {
  const auto name = node.parameter_names.find(role);
  if (name == node.parameter_names.end()) return std::nullopt;
  const auto found = std::find(names.begin(), names.end(), name->second);
  if (found == names.end()) return std::nullopt;
  return static_cast<size_t>(found - names.begin());
}

/// How many nodes use a tensor.
std::map<std::string, int> users_of(const Graph& graph) {
  std::map<std::string, int> users;
  for (const auto& node : graph.nodes())
    for (const auto& [role, name] : node.parameter_names) ++users[name];
  return users;
}

/// Images, and whatever other axes there are, as rows.
Tensor rows_of(const Tensor& x) { return x.dim() == 2 ? x : x.reshape({-1, x.size(-1)}); }

Tensor joined(const std::vector<Tensor>& rows) { return rows.size() == 1 ? rows[0] : at::cat(rows); }

}  // namespace

LinearGradients::LinearGradients(const Graph& graph, const std::vector<std::string>& parameters)
    : computes_(parameters.size(), false), is_noted_(graph.nodes().size(), false) {
  const auto users = users_of(graph);
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    const auto weight = place_of(parameters, node, "weight"), bias = place_of(parameters, node, "bias");
    const auto is_shared = [&](std::optional<size_t> place) { return place && users.at(parameters[*place]) > 1; };
    if (node.record.kind != "linear" || !weight || is_shared(weight) || is_shared(bias)) continue;
    layers_.push_back({i, *weight, bias});
    is_noted_[i] = computes_[*weight] = true;
    if (bias) computes_[*bias] = true;
  }
}

void LinearGradients::note(size_t node, const std::vector<Tensor>& inputs, Tensor& output, Trace& trace) const {
  if (is_noted_.empty() || !is_noted_[node]) return;
  if (!output.requires_grad()) output.set_requires_grad(true);
  trace.inputs.push_back(inputs.at(0));
  trace.outputs.push_back(output);
}

bool LinearGradients::prepare(const std::vector<Trace>& traces, std::vector<Tensor>& gradients) const {
  bool is_new = false;
  for (size_t i = 0; i < layers_.size(); ++i) {
    Tensor& weight = gradients[layers_[i].weight];
    const Tensor& outputs = traces.at(0).gradients[i];
    if (weight.defined() || !outputs.defined()) continue;
    is_new = true;
    weight = at::empty({outputs.size(-1), traces[0].inputs[i].size(-1)}, outputs.options());
    if (layers_[i].bias) gradients[*layers_[i].bias] = at::empty({outputs.size(-1)}, outputs.options());
  }
  return is_new;
}

void LinearGradients::add(const std::vector<Trace>& traces, std::vector<Tensor>& gradients, bool overwrites,
                          int64_t thread, int64_t threads) const {
  std::vector<Extent> extents;
  for (const Layer& layer : layers_) {
    const Tensor& weight = gradients[layer.weight];
    extents.push_back(weight.defined() ? Extent{weight.size(0), weight.size(1)} : Extent{0, 0});
  }
  const auto shares = share_out(extents, threads);
  for (const auto& [place, begin, end] : shares[static_cast<size_t>(thread)]) {
    const Layer& layer = layers_[place];
    std::vector<Tensor> inputs, outputs;
    for (const Trace& trace : traces) {
      inputs.push_back(rows_of(trace.inputs[place]));
      outputs.push_back(rows_of(trace.gradients[place]).slice(1, begin, end));
    }
    const Tensor g = joined(outputs);
    Tensor weight = gradients[layer.weight].slice(0, begin, end);
    at::addmm_out(weight, weight, g.t(), joined(inputs), overwrites ? 0 : 1);
    if (!layer.bias) continue;
    Tensor bias = gradients[*layer.bias].slice(0, begin, end);
    if (overwrites)
      at::sum_out(bias, g, 0);
    else
      bias.add_(g.sum(0));
  }
}

}  // namespace lrp
