#include "linear_gradients.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "../side_by_side.h"

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
Tensor as_rows(const Tensor& x) { return x.dim() == 2 ? x : x.reshape({-1, x.size(-1)}); }

}  // namespace

LinearGradients::LinearGradients(const Graph& graph, const std::vector<std::string>& parameters)
    : layer_of_(parameters.size()), is_noted_(graph.nodes().size(), false) {
  const auto users = users_of(graph);
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    const auto weight = place_of(parameters, node, "weight"), bias = place_of(parameters, node, "bias");
    const auto is_shared = [&](std::optional<size_t> place) { return place && users.at(parameters[*place]) > 1; };
    if (node.record.kind != "linear" || !weight || is_shared(weight) || is_shared(bias)) continue;
    is_noted_[i] = true;
    layer_of_[*weight] = weights_.size();
    if (bias) layer_of_[*bias] = weights_.size();
    weights_.push_back(*weight);
  }
}

void LinearGradients::note(size_t node, const std::vector<Tensor>& inputs, Tensor& output, Trace& trace) const {
  if (is_noted_.empty() || !is_noted_[node]) return;
  if (!output.requires_grad()) output.set_requires_grad(true);
  trace.inputs.push_back(inputs.at(0).detach());
  trace.outputs.push_back(output);
}

LinearGradients::Trace LinearGradients::joined(const std::vector<Trace>& passes) {
  Trace all = passes.at(0);
  std::vector<std::pair<std::vector<Tensor> Trace::*, size_t>> places;
  for (const auto tensors : {&Trace::inputs, &Trace::gradients})
    for (size_t layer = 0; layer < all.inputs.size(); ++layer) places.emplace_back(tensors, layer);
  run_when_free(static_cast<int64_t>(places.size()), [&](int64_t i) {
    const at::AutoDispatchBelowADInplaceOrView no_autograd;
    const auto [tensors, layer] = places[static_cast<size_t>(i)];
    std::vector<Tensor> rows;
    for (const Trace& pass : passes)
      if ((pass.*tensors)[layer].defined()) rows.push_back(as_rows((pass.*tensors)[layer]));
    if (!rows.empty()) (all.*tensors)[layer] = at::cat(rows);
  });
  return all;
}

void LinearGradients::add(const Trace& trace, const Piece& piece, Tensor& rows) const {
  const size_t layer = *layer_of_[piece.tensor];
  if (!trace.gradients[layer].defined()) return;
  const Tensor g = as_rows(trace.gradients[layer]).slice(1, piece.begin, piece.end);
  if (piece.tensor != weights_[layer]) {
    const Tensor sum = g.sum(0);
    rows = rows.defined() ? rows.add_(sum) : sum;
    return;
  }
  const Tensor x = as_rows(trace.inputs[layer]);
  rows = rows.defined() ? rows.addmm_(g.t(), x) : at::mm(g.t(), x);
}

}  // namespace lrp
