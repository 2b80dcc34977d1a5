#include "check.h"
#include "graph/image_sums.h"
#include "graph/infer_shapes.h"
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
  GraphSpec spec{nodes, nodes.back().name};
  spec.shapes.emplace();
  for (const auto& facts : lrp::infer_shapes(spec, tensors, input)) (*spec.shapes)[facts.name] = facts.shape;
  const lrp::Graph graph(spec, tensors), after = lrp::fold_batch_norm(graph);
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
  // its channels are not the outputs of a dense layer that all places share
  CHECK(folded({layer("square", "linear", "input", {4, 4}, t), norm("e", "square", 4, t)}, t, {2, 4, 4}) == 0);
  CHECK(folded({norm("e", "input", 4, t), layer("square", "linear", "e", {4, 4}, t)}, t, {2, 4, 4}) == 0);
  // over the rows of all tokens
  const auto dense = layer("dense", "linear", "input", {3, 4}, t);
  const auto rows = [](const char* name, const char* input, std::vector<double> shape) {
    return NodeSpec{name, "reshape", {input}, lrp::Attributes({{"shape", std::move(shape)}}), {}};
  };
  CHECK(folded({dense, rows("r", "dense", {-1, 3}), norm("d", "r", 3, t), rows("b", "d", {-1, 5, 3})}, t, {2, 5, 4}) ==
        1);
  CHECK(folded({dense, rows("r", "dense", {-1, 3, 5}), norm("d", "r", 3, t)}, t, {2, 5, 4}) == 0);
  CHECK(folded({dense, rows("r", "dense", {-1, 5}), norm("d", "r", 5, t)}, t, {2, 5, 4}) == 0);
  // before a layer: exact unless zeros are padded in between
  const auto first = norm("first", "input", 4, t);
  CHECK(folded({first, layer("after", "conv2d", "first", {6, 2, 3, 3}, t, {{"groups", 2.0}})}, t, {2, 4, 5, 5}) == 1);
  CHECK(folded({first, layer("padded", "conv2d", "first", {6, 4, 3, 3}, t, {{"padding", 1.0}})}, t, {2, 4, 5, 5}) == 0);
  CHECK(folded({first, layer("turned", "conv_transpose2d", "first", {4, 3, 2, 2}, t)}, t, {2, 4, 5, 5}) == 0);
}

TEST_CASE("branches of convolutions merge where it is exact") {
  at::manual_seed(5);
  Tensors t;
  const auto conv = [&t](const char* name, std::vector<int64_t> shape, std::map<std::string, lrp::Attribute> with) {
    return layer(name, "conv2d", "input", shape, t, std::move(with));
  };
  const auto sum = [](const char* name, const char* a, const char* b) { return NodeSpec{name, "add", {a, b}, {}, {}}; };
  const auto merged = [&t](const std::vector<NodeSpec>& nodes, const std::vector<int64_t>& sizes = {7, 8}) {
    const lrp::Graph graph({nodes, nodes.back().name}, t), after = lrp::merge_branches(graph);
    for (const int64_t size : sizes) {
      const at::Tensor x = at::randn({2, 4, size, size});
      CHECK(at::allclose(after.forward(x), graph.forward(x), 1e-4, 1e-4));
    }
    return std::count_if(after.nodes().begin(), after.nodes().end(),
                         [](const lrp::Node& node) { return node.replaced_by.has_value(); });
  };
  const lrp::Attribute one = 1.0, two = 2.0;
  const auto three = conv("three", {4, 4, 3, 3}, {{"padding", one}});
  const auto point = conv("point", {4, 4, 1, 1}, {});
  const auto identity = norm("identity", "input", 4, t);
  // RepVGG: three branches, in any order
  CHECK(merged({point, three, sum("a", "point", "three"), identity, sum("b", "a", "identity")}) == 4);
  CHECK(merged({identity, three, sum("a", "identity", "three"), point, sum("b", "a", "point")}) == 4);
  // by groups, with strides and dilations, along one axis each
  const auto grouped = conv("grouped", {4, 2, 3, 3}, {{"padding", one}, {"groups", two}});
  CHECK(merged({grouped, identity, sum("a", "grouped", "identity")}) == 2);
  const auto strided = conv("strided", {4, 4, 3, 3}, {{"padding", one}, {"stride", two}});
  const auto strided_point = conv("strided_point", {4, 4, 1, 1}, {{"stride", two}});
  CHECK(merged({strided_point, strided, sum("a", "strided_point", "strided")}) == 2);
  const auto dilated = conv("dilated", {4, 4, 3, 3}, {{"padding", two}, {"dilation", two}});
  CHECK(merged({point, dilated, sum("a", "point", "dilated")}) == 2);
  const auto flat = conv("flat", {4, 4, 1, 3}, {{"padding", std::vector<double>{0, 1}}});
  const auto tall = conv("tall", {4, 4, 3, 1}, {{"padding", std::vector<double>{1, 0}}});
  CHECK(merged({flat, tall, sum("a", "flat", "tall")}) == 2);
  // neither of other steps, nor a difference, nor what others read
  CHECK(merged({strided, sum("a", "strided", "strided")}) == 0);
  CHECK(merged({three, dilated, sum("a", "three", "dilated")}) == 0);
  CHECK(merged({three, grouped, sum("a", "three", "grouped")}) == 0);
  CHECK(merged({three, point, NodeSpec{"a", "sub", {"three", "point"}, {}, {}}}) == 0);
  CHECK(merged({three, point, sum("a", "three", "point"), sum("b", "a", "three")}) == 0);
  CHECK(merged({identity, norm("other", "input", 4, t), sum("a", "identity", "other")}) == 0);
  const auto even = conv("even", {4, 4, 2, 2}, {{"padding", one}, {"stride", two}});
  CHECK(merged({even, strided_point, sum("a", "even", "strided_point")}, {7}) == 0);  // of one shape at odd sizes alone
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

TEST_CASE("sums of images are those of their numbers in double") {
  at::manual_seed(5);
  const auto agree = [](const at::Tensor& t, const at::Tensor& weights, const lrp::BatchLayout& layout) {
    const auto found = lrp::sums_of_images(t, layout, 3);
    const at::Tensor exact = t.to(at::kDouble), weighted = exact * weights.to(at::kDouble);
    CHECK(close(found.sum, layout.sum(exact, 3)));
    CHECK(close(found.magnitude, layout.sum(exact.abs(), 3)));
    CHECK(close(lrp::weighted_sums_of_images(t, weights, layout, 3), layout.sum(weighted, 3)));
  };
  const at::Tensor planes = at::randn({3, 5, 80, 70}), channels = at::randn({1, 5, 1, 1}), last = at::randn({70});
  const at::Tensor channels_last = planes.contiguous(at::MemoryFormat::ChannelsLast);
  for (const at::Tensor& t : {planes, channels_last, planes.to(at::kDouble), planes.slice(2, 0, 40)}) {
    agree(t, channels.to(t.scalar_type()), {});
    agree(t, last.to(t.scalar_type()), {});
  }
  agree(at::randn({3, 7}), at::randn({7}), {});
  agree(at::randn({6, 4, 7}), at::randn({7}), {});         // two parts of each image, together
  agree(at::randn({6, 4, 7}), at::randn({7}), {0, true});  // and apart
  agree(at::randn({4, 3, 7}), at::randn({7}), {1, false});
  agree(at::randn({3, 6, 5, 5}).transpose(0, 1).contiguous().transpose(0, 1), at::randn({1, 6, 1, 1}), {});
}
