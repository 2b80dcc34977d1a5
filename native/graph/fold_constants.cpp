#include "fold_constants.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "../error.h"

namespace lrp {

namespace {

constexpr int64_t kMostNumbers = int64_t{1} << 28;

/// Nodes, in order, that are computed from weights and numbers alone.
std::vector<const NodeSpec*> constant_nodes(const GraphSpec& spec) {
  std::vector<const NodeSpec*> constants;
  std::set<std::string> names;
  for (const auto& node : spec.nodes) {
    const bool constant = !node.attributes.has_size_expressions() &&
                          std::all_of(node.inputs.begin(), node.inputs.end(),
                                      [&names](const std::string& input) { return names.count(input) > 0; });
    if (!constant) continue;
    names.insert(node.name);
    constants.push_back(&node);
  }
  return constants;
}

}  // namespace

std::map<std::string, Tensor> fold_constants(const GraphSpec& spec, const std::map<std::string, Tensor>& tensors,
                                             const std::set<std::string>& keep) {
  const at::NoGradGuard no_grad;
  const auto constants = constant_nodes(spec);
  std::set<std::string> constant_names, needed = keep;
  for (const auto* node : constants) constant_names.insert(node->name);
  needed.insert(spec.output);
  for (const auto& node : spec.nodes) {
    if (constant_names.count(node.name) == 0) needed.insert(node.inputs.begin(), node.inputs.end());
  }
  for (const auto& name : keep) {
    if (constant_names.count(name) == 0)
      throw Error("UNSUPPORTED", "node '" + name + "' depends on the input, so it is not a constant");
  }
  std::map<std::string, Tensor> results, kept;
  int64_t numbers = 0;
  for (const auto* spec_of_node : constants) {
    Node node = resolve_node(*spec_of_node, tensors);
    std::vector<Tensor> inputs;
    for (const auto& input : spec_of_node->inputs) inputs.push_back(results.at(input));
    const Tensor result = at_node(node, [&] { return node.op->forward(inputs, Pass{}); });
    results[node.name] = result;
    const bool is_weight = std::any_of(node.parameters.begin(), node.parameters.end(),
                                       [&](const auto& parameter) { return parameter.second.is_same(result); });
    if (!is_weight) numbers += result.numel();
    if (numbers > kMostNumbers) {
      throw Error("UNSUPPORTED", "the constants computed from weights have more than 2^28 numbers in total");
    }
    if (needed.count(node.name) > 0) kept[node.name] = result;
  }
  return kept;
}

}  // namespace lrp
