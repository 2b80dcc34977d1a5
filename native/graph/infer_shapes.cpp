#include "infer_shapes.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/function.h>

#include <algorithm>

#include "../allocation_limit.h"
#include "../error.h"
#include "../ops/size_limit.h"

namespace lrp {

namespace {

constexpr auto kMostBytes = static_cast<size_t>(kMostPerImage) * 8;

Tensor zeros_of(const Tensor& t) { return at::zeros(t.sizes(), t.options().device(at::kCPU)); }

/// The output of a node that runs on zeros.
Tensor output_of_zeros(const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
  Node filled = node;
  for (auto& [role, tensor] : filled.parameters) tensor = zeros_of(tensor);
  build_op(filled);
  std::vector<Tensor> zeros;
  for (const Tensor& input : inputs) {
    zeros.push_back(zeros_of(input));
    if (input.requires_grad()) zeros.back().requires_grad_();
  }
  const AllocationLimit limit(kMostBytes);
  return filled.op->forward(zeros, {pass.input_sizes, at::kCPU, false});
}

/// The output of a node, with autograd's note of what it came from where grad mode is on.
Tensor output_of(const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
  if (const auto shape = node.op->output_shape(inputs)) {
    check_size(*shape);
    return at::empty(*shape, inputs.at(0).options());
  }
  try {
    return node.op->forward(inputs, pass);
  } catch (const c10::Error&) {
    return output_of_zeros(node, inputs, pass);  // also says what is wrong, if anything is
  }
}

/// PyTorch finds some missing derivatives only in the backward pass (igamma, zeta): this runs that of one node.
bool lacks_derivative_of_input(const Tensor& output, torch::autograd::Node& made_by) {
  torch::autograd::variable_list gradients(made_by.num_inputs());
  gradients.at(output.output_nr()) = at::empty_like(output.detach());
  try {
    made_by(std::move(gradients));
  } catch (const c10::Error& error) {
    return std::string(error.what()).find("the derivative for") != std::string::npos;
  }
  return false;
}

/// Whether autograd knows no derivative of the overload that made a tensor.
bool lacks_derivative(const Tensor& output) {
  if (!output.is_floating_point()) return false;  // numbers and masks are steps: their derivative is 0
  if (!output.requires_grad()) return true;
  const auto made_by = output.grad_fn();
  if (!made_by) return false;  // the overload returned its input
  return made_by->name().find("NotImplemented") != std::string::npos || lacks_derivative_of_input(output, *made_by);
}

}  // namespace

Tensor without_data(const Tensor& t, std::optional<at::ScalarType> dtype) {
  return at::empty(t.sizes(), at::device(at::kMeta).dtype(dtype.value_or(t.scalar_type())));
}

Tensor infer_output(const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
  const at::NoGradGuard no_grad;
  return at_node(node, [&] { return without_data(output_of(node, inputs, pass)); });
}

std::vector<NodeFacts> infer_shapes(const GraphSpec& spec, const std::map<std::string, Tensor>& tensors,
                                    c10::IntArrayRef input_shape) {
  for (const int64_t axis : input_shape) {
    if (axis < 1) throw Error("INVALID_ARGUMENT", "every axis of the input's shape must be 1 or more");
  }
  check_size(input_shape, "the input would have");
  std::map<std::string, Tensor> shapes;
  for (const auto& [name, tensor] : tensors) {
    shapes[name] = without_data(tensor, tensor.is_floating_point() ? at::kFloat : tensor.scalar_type());
  }
  const Graph graph(spec, std::move(shapes));
  std::vector<NodeFacts> facts;
  const Tensor input = at::empty(input_shape, at::device(at::kMeta).dtype(at::kFloat)).requires_grad_();
  graph.run(input, [&](size_t, const Node& node, const std::vector<Tensor>& from, const Pass& pass) {
    const bool depends = std::any_of(from.begin(), from.end(), [](const Tensor& t) { return t.requires_grad(); });
    const bool checked = depends && node.record.called && node.record.kind != "constant";
    const at::AutoGradMode on(checked);
    const Tensor output = output_of(node, from, pass);
    if (checked && lacks_derivative(output)) {
      throw Error("UNSUPPORTED",
                  "autograd cannot differentiate this operator, although its input depends on the image");
    }
    Tensor shape = without_data(output);
    facts.push_back({node.name, shape.sizes().vec(), node.op->multiply_adds(from, shape)});
    return shape.requires_grad_(depends && node.record.kind != "constant" && shape.is_floating_point());
  });
  return facts;
}

}  // namespace lrp
