#include "check.h"
#include "perturbation/start.h"

using lrp::NodeSpec;
using units::close;

namespace {

/// Each step fills a square, or pixels far apart.
lrp::Changes four_steps(const std::vector<int32_t>& places) {
  const auto ints = [](std::vector<int32_t> list) { return at::tensor(list, at::kInt); };
  const auto each = static_cast<int32_t>(places.size() / 4);
  return {at::randn({1, 2, 32, 32}), ints({0, 0, 0, 0}), ints({each, 2 * each, 3 * each, 4 * each}), ints(places),
          at::randn({4 * each})};
}

lrp::Graph convolutions() {
  at::manual_seed(1);
  std::map<std::string, at::Tensor> tensors{{"first", at::randn({3, 2, 3, 3})}, {"second", at::randn({4, 3, 3, 3})}};
  const auto convolution = [](const std::string& name, const std::string& input) {
    return NodeSpec{name, "conv2d", {input}, lrp::Attributes({{"padding", 1.0}}), {{"weight", name}}};
  };
  const NodeSpec relu{"relu", "relu", {"first"}, {}, {}}, flat{"flat", "flatten", {"second"}, {}, {}};
  return {{{convolution("first", "input"), relu, convolution("second", "relu"), flat}, "flat"}, tensors};
}

}  // namespace

TEST_CASE("a box around changes grows from layer to layer") {
  const lrp::Graph graph = convolutions();
  const lrp::Changes changes = four_steps({0, 1, 40, 41, 500, 501, 900, 901});
  int64_t batch_size = 0;
  const auto start = lrp::start_after_windows(graph, changes, lrp::CancelToken(), 1 << 20, batch_size);
  REQUIRE(start != nullptr);
  for (const int i : {0, 1, 2}) CHECK(start->skips(i));
  CHECK_FALSE(start->skips(3));
  CHECK(batch_size == 4);
  CHECK(start->outputs(0, 4).at(2).sizes() == at::IntArrayRef({4, 4, 32, 32}));
}

TEST_CASE("pixels far apart change the first layer alone") {
  const lrp::Graph graph = convolutions();
  const lrp::Changes changes = four_steps({0, 1000, 1, 1001, 2, 1002, 3, 1003});
  int64_t batch_size = 0;
  CHECK(lrp::start_after_windows(graph, changes, lrp::CancelToken(), 1 << 20, batch_size) == nullptr);
  const auto start = lrp::start_after_first_layer(graph, changes);
  REQUIRE(start != nullptr);
  CHECK(start->skips(0));
  CHECK_FALSE(start->skips(1));
  const at::Tensor images = lrp::start_at_input(changes)->outputs(0, 4).at(lrp::kInput);
  const at::Tensor expected = graph.nodes()[0].op->forward({images}, lrp::Pass::of(images));
  CHECK(close(start->outputs(0, 4).at(0), expected));
}
