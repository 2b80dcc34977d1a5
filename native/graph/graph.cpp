#include "graph.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <stdexcept>

#include "../error.h"
#include "../ops/other_input.h"

namespace lrp {

namespace {

constexpr const char* kTooFew = "the node has fewer inputs or list entries than its op needs";

std::string title(const Node& node) { return "node '" + node.name + "' (" + node.op_name + ")"; }

}  // namespace

Node resolve_node(const NodeSpec& spec, const std::map<std::string, Tensor>& tensors) {
  Node node;
  node.name = spec.name;
  node.op_name = spec.op;
  node.inputs.assign(spec.inputs.size(), kInput);
  node.attributes = spec.attributes;
  node.parameter_names = spec.parameters;
  for (const auto& [role, name] : spec.parameters) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      throw Error("INVALID_ARGUMENT", title(node) + " needs the tensor '" + name + "', which is missing");
    }
    node.parameters[role] = found->second;
  }
  build_op(node);
  return node;
}

Tensor at_node(const Node& node, const std::function<Tensor()>& body) {
  try {
    return body();
  } catch (const Error& error) {
    if (error.code() == "ABORTED") throw;
    throw Error(error.code(), title(node) + ": " + error.what());
  } catch (const c10::Error& error) {
    const std::string message = first_line(error.what_without_backtrace());
    throw Error(code_of(message, "INVALID_ARGUMENT"), title(node) + ": " + message);
  } catch (const std::out_of_range&) {
    throw Error("INVALID_ARGUMENT", title(node) + ": " + kTooFew);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {  // of a library below libtorch
    throw Error("UNSUPPORTED", title(node) + ": the op cannot be computed (" + first_line(error.what()) + ")");
  }
}

bool is_weighted(const Node& node) { return node.record.kind == "linear" || node.record.kind == "convolution"; }

void build_op(Node& node) {
  try {
    node.record = op_record(node.op_name);
    node.op = make_op(node.op_name, node.attributes, node.parameters, node.inputs.size());
  } catch (const Error& error) {
    throw Error(error.code(), title(node) + ": " + error.what());
  } catch (const c10::Error& error) {
    throw Error("INVALID_ARGUMENT", title(node) + ": " + first_line(error.what_without_backtrace()));
  } catch (const std::out_of_range&) {
    throw Error("INVALID_ARGUMENT", title(node) + ": " + kTooFew);
  }
}

Graph::Graph(const GraphSpec& spec, std::map<std::string, Tensor> tensors) : tensors_(std::move(tensors)) {
  std::map<std::string, int> known{{"input", kInput}};
  for (const auto& node : spec.nodes) {
    nodes_.push_back(resolve_node(node, tensors_));
    if (spec.shapes && spec.shapes->count(node.name) > 0) nodes_.back().axes = spec.shapes->at(node.name).size();
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const auto found = known.find(node.inputs[i]);
      if (found == known.end()) {
        throw Error("INVALID_ARGUMENT", title(nodes_.back()) + " uses '" + node.inputs[i] + "' before it is defined");
      }
      nodes_.back().inputs[i] = found->second;
    }
    if (!known.emplace(node.name, static_cast<int>(nodes_.size()) - 1).second) {
      throw Error("INVALID_ARGUMENT", "two nodes are called '" + node.name + "'");
    }
  }
  const auto found = known.find(spec.output);
  if (found == known.end() || found->second == kInput) {
    throw Error("INVALID_ARGUMENT", "the output '" + spec.output + "' is not a node of the graph");
  }
  output_ = found->second;
  find_readers();
}

Graph::Graph(std::vector<Node> nodes, int output, std::map<std::string, Tensor> tensors)
    : nodes_(std::move(nodes)), output_(output), tensors_(std::move(tensors)) {
  find_readers();
}

void Graph::find_readers() {
  readers_.assign(nodes_.size() + 1, {});
  freed_after_.assign(nodes_.size(), {});
  for (size_t i = 0; i < nodes_.size(); ++i) {
    for (const int input : nodes_[i].inputs) {
      auto& readers = readers_[static_cast<size_t>(input + 1)];
      if (readers.empty() || readers.back() != static_cast<int>(i)) readers.push_back(static_cast<int>(i));
    }
  }
  for (int i = kInput; i < static_cast<int>(nodes_.size()); ++i) {
    if (i == output_ || (i == kInput && readers(i).empty())) continue;
    const int last = readers(i).empty() ? i : readers(i).back();
    freed_after_[static_cast<size_t>(last)].push_back(i);
  }
}

int Graph::index(const std::string& name) const {
  const auto found = std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& node) { return node.name == name; });
  if (found == nodes_.end()) throw Error("NOT_FOUND", "the model has no layer '" + name + "'");
  return static_cast<int>(found - nodes_.begin());
}

int Graph::source(int index) const {
  const auto& replaced_by = nodes_[static_cast<size_t>(index)].replaced_by;
  return replaced_by && *replaced_by != kInput ? source(*replaced_by) : index;
}

bool Graph::relu_may_overwrite(size_t i) const {
  const Node& node = nodes_[i];
  if (node.record.cut != OpRecord::kRelu || node.inputs[0] == kInput || node.inputs[0] == output_) return false;
  const Node& before = nodes_[static_cast<size_t>(node.inputs[0])];
  return readers(node.inputs[0]).size() == 1 && (before.op->linear() != nullptr || before.record.kind == "sum");
}

Tensor Graph::run(const Tensor& input, const Step& step) const {
  const Pass how = Pass::of(input);
  std::vector<Tensor> results(nodes_.size() + 1);
  results[0] = input;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    if (node.replaced_by) continue;
    std::vector<Tensor> inputs;
    for (const int index : node.inputs) inputs.push_back(results[static_cast<size_t>(index + 1)]);
    results[i + 1] = at_node(node, [&] { return step(i, node, inputs, how); });
    for (const int done : freed_after_[i]) results[static_cast<size_t>(done + 1)].reset();
  }
  return results[static_cast<size_t>(output_ + 1)];
}

Tensor Graph::forward(const Tensor& input) const {
  return run(input, [](size_t, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
    return node.op->forward(inputs, pass);
  });
}

Graph Graph::with_inputs(const std::map<std::string, Tensor>& rows) const {
  Graph result = *this;
  for (const auto& [name, value] : rows) {
    Node& node = result.nodes_[static_cast<size_t>(index(name))];
    if (node.op_name != kOtherInput) throw Error("INVALID_ARGUMENT", title(node) + " is not an input of the network");
    node.parameters["value"] = value;
    build_op(node);
  }
  return result;
}

/// One row for whatever number of images.
Graph Graph::with_first_rows() const {
  std::map<std::string, Tensor> rows;
  for (const Node& node : nodes_) {
    if (node.op_name == kOtherInput) rows[node.name] = node.parameters.at("value").slice(0, 0, 1);
  }
  return with_inputs(rows);
}

std::vector<BatchLayout> Graph::batch_layouts(const Tensor& x) const {
  if (x.size(0) == 1) return std::vector<BatchLayout>(nodes_.size());
  const std::lock_guard<std::mutex> lock(layouts_->mutex);
  auto& known = layouts_->by_image_shape;
  const std::vector<int64_t> image_shape(x.sizes().begin() + 1, x.sizes().end());
  const auto found = known.find(image_shape);
  if (found != known.end()) return found->second;
  return known[image_shape] = find_batch_layouts(with_first_rows(), x);
}

}  // namespace lrp
