#include "check.h"
#include "graph/passes.h"

using lrp::BatchLayout;
using lrp::GraphSpec;
using lrp::NodeSpec;
using Tensors = std::map<std::string, at::Tensor>;
using units::close;

namespace {

/// A batch norm over `channels`, its tensors filled with random numbers.
NodeSpec norm(const std::string& name, const std::string& input, int64_t channels, Tensors& tensors) {
  NodeSpec node{name, "batch_norm", {input}, lrp::Attributes({{"eps", 0.1}}), {}};
  for (const char* role : {"weight", "bias", "running_mean", "running_var"}) {
    node.parameters[role] = name + "." + role;
    tensors[name + "." + role] = at::randn({channels}).abs().add_(0.1);
  }
  return node;
}

NodeSpec layer(const std::string& name, const std::string& op, const std::string& input, at::IntArrayRef weight,
               Tensors& tensors, std::map<std::string, lrp::Attribute> attributes = {}) {
  tensors[name] = at::randn(weight);
  return {name, op, {input}, lrp::Attributes(std::move(attributes)), {{"weight", name}}};
}

/// How many batch norms a fold takes out of a chain of nodes; the output must stay the same.
int64_t folded(const std::vector<NodeSpec>& nodes, const Tensors& tensors, at::IntArrayRef input) {
  const lrp::Graph graph({nodes, nodes.back().name}, tensors), after = lrp::fold_batch_norm(graph);
  const at::Tensor x = at::randn(input);
  CHECK(at::allclose(after.forward(x), graph.forward(x), 1e-4, 1e-4));
  return std::count_if(after.nodes().begin(), after.nodes().end(),
                       [](const lrp::Node& node) { return node.replaced_by.has_value(); });
}

}  // namespace

TEST_CASE("batch norms fold where it is exact") {
  at::manual_seed(2);
  Tensors t;
  const auto conv = layer("conv", "conv2d", "input", {6, 2, 3, 3}, t, {{"groups", 2.0}, {"padding", 1.0}});
  CHECK(folded({conv, norm("a", "conv", 6, t)}, t, {2, 4, 5, 5}) == 1);
  const auto transposed = layer("up", "conv_transpose2d", "input", {4, 3, 2, 2}, t, {{"groups", 2.0}});
  CHECK(folded({transposed, norm("b", "up", 6, t)}, t, {2, 4, 5, 5}) == 1);
  CHECK(folded({layer("dense", "linear", "input", {3, 4}, t), norm("c", "dense", 3, t)}, t, {2, 4}) == 1);
  // before a layer: exact unless zeros are padded in between
  const auto first = norm("first", "input", 4, t);
  CHECK(folded({first, layer("after", "conv2d", "first", {6, 2, 3, 3}, t, {{"groups", 2.0}})}, t, {2, 4, 5, 5}) == 1);
  CHECK(folded({first, layer("padded", "conv2d", "first", {6, 4, 3, 3}, t, {{"padding", 1.0}})}, t, {2, 4, 5, 5}) == 0);
  CHECK(folded({first, layer("turned", "conv_transpose2d", "first", {4, 3, 2, 2}, t)}, t, {2, 4, 5, 5}) == 0);
}

TEST_CASE("batch norms stay where others read the value in between") {
  at::manual_seed(3);
  Tensors t;
  const auto conv = layer("conv", "conv2d", "input", {4, 4, 1, 1}, t);
  const NodeSpec sum{"sum", "add", {"conv", "a"}, {}, {}};
  CHECK(folded({conv, norm("a", "conv", 4, t), sum}, t, {2, 4, 3, 3}) == 0);
  const NodeSpec relu{"relu", "relu", {"conv"}, {}, {}};
  CHECK(folded({conv, relu, norm("b", "relu", 4, t)}, t, {2, 4, 3, 3}) == 0);
}

TEST_CASE("where the images of a batch lie") {
  at::manual_seed(4);
  const auto node = [](const char* name, const char* op, const char* input, lrp::Attributes attributes) {
    return NodeSpec{name, op, {input}, std::move(attributes), {}};
  };
  const lrp::Attributes swap({{"dims", std::vector<double>{1, 0, 2}}});
  const auto merged = [](std::vector<std::string> shape) { return lrp::Attributes({{"shape", std::move(shape)}}); };
  const GraphSpec spec{
      {node("parts_second", "aten::reshape", "input", merged({"i0 * 3", "4"})),
       node("turned", "permute", "input", swap),
       node("parts_first", "aten::reshape", "turned", merged({"3 * i0", "4"})), node("none", "aten::sum", "input", {})},
      "none"};
  const lrp::Graph graph(spec, {});
  const at::Tensor x = at::randn({4, 3, 4});
  const auto layouts = graph.batch_layouts(x);
  const auto is = [&](size_t i, int64_t axis, bool parts_first) {
    return layouts[i].axis == axis && (axis == BatchLayout::kNone || layouts[i].parts_first == parts_first);
  };
  CHECK(is(0, 0, false));
  CHECK(is(1, 1, false));
  CHECK(is(2, 0, true));
  CHECK(is(3, BatchLayout::kNone, false));
  // by_image brings every layout to [images, rest], from_image back, and sums agree with the input's
  const at::Tensor expected = x.flatten(1).sum(1, false, at::kDouble);
  const std::vector<at::Tensor> results{x.reshape({12, 4}), x.transpose(0, 1), x.transpose(0, 1).reshape({12, 4})};
  for (size_t i = 0; i < results.size(); ++i) {
    const at::Tensor by_image = layouts[i].by_image(results[i], 4);
    CHECK(at::allclose(layouts[i].sum(results[i], 4), expected));
    CHECK(at::equal(layouts[i].from_image(by_image, results[i].sizes()), results[i]));
  }
}
