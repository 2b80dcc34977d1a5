#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <atomic>
#include <limits>

#include "check.h"
#include "error.h"
#include "ops/max_pool.h"
#include "ops/one_channel.h"
#include "side_by_side.h"
#include "train/linear_gradients.h"
#include "train/optim/optimizer.h"
#include "train/share_out.h"
#include "train/step_gradients.h"

using lrp::GraphSpec;
using lrp::NodeSpec;
using Tensors = std::map<std::string, at::Tensor>;

TEST_CASE("threads share tensors out: every unit once, about as many numbers for each, small tensors whole") {
  const std::vector<lrp::Extent> tensors{{1, 300}, {512, 784}, {512, 1}, {0, 5}, {256, 512}, {1, 200000}, {10, 256}};
  for (const int64_t threads : {1, 2, 3, 16}) {
    const auto shares = lrp::share_out(tensors, threads);
    REQUIRE(shares.size() == static_cast<size_t>(threads));
    std::vector<int64_t> done(tensors.size(), 0);
    for (const auto& pieces : shares) {
      int64_t numbers = 0;
      for (const auto& [tensor, begin, end] : pieces) {
        CHECK(begin == done[tensor]);
        CHECK(end > begin);
        done[tensor] = end;
        numbers += (end - begin) * tensors[tensor].size;
        if (tensors[tensor].units * tensors[tensor].size < 10000) CHECK(end - begin == tensors[tensor].units);
      }
      if (threads == 2) CHECK(numbers <= 500000);  // 735,844 in all, 200,000 of them in one unit
    }
    for (size_t i = 0; i < tensors.size(); ++i) CHECK(done[i] == tensors[i].units);
  }
}

TEST_CASE("a small tensor stays whole where the border between two threads is inside it") {
  const auto shares = lrp::share_out(std::vector<lrp::Extent>{{100, 100}, {100, 100}, {100, 100}}, 2);
  CHECK(shares[0].size() == 2);
  CHECK(shares[1].size() == 1);
  for (const auto& pieces : shares)
    for (const auto& piece : pieces) CHECK((piece.begin == 0 && piece.end == 100));
}

TEST_CASE("gradients of linear layers over the images of all passes are those of autograd") {
  at::manual_seed(5);
  // 'shared' is used twice, so autograd finds its gradient; 'unused' does not reach the loss
  Tensors tensors;
  const auto add = [&](const char* name, at::IntArrayRef shape) { tensors[name] = at::randn(shape, at::kDouble); };
  add("first", {300, 70});
  add("bias", {300});
  add("shared", {300, 300});
  add("last", {4, 300});
  add("unused", {2, 300});
  const auto linear = [](const char* name, const char* input, std::map<std::string, std::string> parameters) {
    return NodeSpec{name, "linear", {input}, lrp::Attributes(), std::move(parameters)};
  };
  const std::vector<NodeSpec> nodes{linear("a", "input", {{"weight", "first"}, {"bias", "bias"}}),
                                    {"relu", "relu", {"a"}, lrp::Attributes(), {}},
                                    linear("b", "relu", {{"weight", "shared"}}),
                                    linear("c", "b", {{"weight", "shared"}}),
                                    linear("u", "c", {{"weight", "unused"}}),
                                    linear("d", "c", {{"weight", "last"}})};
  const lrp::Graph graph(GraphSpec{nodes, "d"}, tensors);
  const std::vector<std::string> names{"last", "bias", "shared", "first", "unused"};
  const lrp::LinearGradients linear_gradients(graph, names);
  for (size_t i = 0; i < names.size(); ++i) CHECK(linear_gradients.computes(i) == (names[i] != "shared"));
  const at::Tensor x = at::randn({6, 5, 70}, at::kDouble);
  const auto loss_of = [](const at::Tensor& output) { return output.square().sum(); };
  // by the layers' traces, in two passes, added twice
  tensors["shared"].set_requires_grad(true);
  std::vector<lrp::LinearGradients::Trace> traces(2);
  for (size_t pass = 0; pass < 2; ++pass) {
    auto& trace = traces[pass];
    const at::Tensor own = x.slice(0, pass == 0 ? 0 : 4, pass == 0 ? 4 : 6);
    const at::Tensor output = graph.run(own, [&](size_t i, const lrp::Node& node, const auto& inputs, const auto& p) {
      at::Tensor result = node.op->forward(inputs, p);
      linear_gradients.note(i, inputs, result, trace);
      return result;
    });
    trace.gradients = torch::autograd::grad({loss_of(output)}, trace.outputs, {}, std::nullopt, false, true);
  }
  const auto all = lrp::LinearGradients::joined(traces);
  std::vector<at::Tensor> found(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    const at::NoGradGuard no_grad;
    if (names[i] == "shared") continue;
    const int64_t rows = tensors[names[i]].size(0);
    for (const int64_t begin : {int64_t{0}, rows / 3}) {
      const lrp::Piece piece{i, begin, begin == 0 ? rows / 3 : rows};
      at::Tensor part;
      for (int time = 0; time < 2; ++time) linear_gradients.add(all, piece, part);
      if (part.defined()) found[i] = found[i].defined() ? at::cat({found[i], part}) : part;
    }
  }
  // what a pass has read may be a parameter, which changes before all gradients are known
  const at::Tensor read = traces[0].inputs[0], before = read.clone();
  const auto alone = lrp::LinearGradients::joined({traces[0]});
  read.zero_();
  CHECK(alone.inputs[0].view_as(before).equal(before));
  read.copy_(before);
  // by autograd
  std::vector<at::Tensor> parameters;
  for (const auto& name : names) parameters.push_back(tensors[name].set_requires_grad(true));
  const auto wanted = torch::autograd::grad({loss_of(graph.forward(x))}, parameters, {}, std::nullopt, false, true);
  for (size_t i = 0; i < names.size(); ++i) {
    CHECK(found[i].defined() == (names[i] != "shared" && names[i] != "unused"));
    if (found[i].defined()) CHECK(at::allclose(found[i], 2 * wanted[i]));
  }
}

TEST_CASE("the gradients of a step are the sums over batches and passes, in pieces and as a whole") {
  at::manual_seed(3);
  const lrp::LinearGradients none;
  const std::vector<at::Tensor> parameters{at::zeros({400, 300}), at::zeros({}), at::zeros({7}), at::zeros({3, 2})};
  std::vector<at::Tensor> wanted;
  for (const auto& parameter : parameters) wanted.push_back(at::zeros_like(parameter));
  lrp::StepGradients in_pieces(none, parameters), as_a_whole(none, parameters);
  for (int batch = 0; batch < 2; ++batch) {
    std::vector<lrp::PassGradients> passes(3);
    for (auto& pass : passes) {
      pass.found = {at::randn({300, 400}).t(), at::randn({}), at::randn({7}), at::Tensor()};
      for (size_t i = 0; i < 3; ++i) wanted[i] += pass.found[i];
    }
    in_pieces.add(passes);
    as_a_whole.add(passes);
  }
  for (const auto& pieces : lrp::share_out(parameters, 6)) {
    for (const auto& piece : pieces) {
      const at::Tensor rows = in_pieces.piece(piece);
      CHECK(rows.is_contiguous());
      CHECK(at::allclose(rows, lrp::rows_of(wanted[piece.tensor], piece), 1e-5, 1e-5));
    }
  }
  for (size_t i = 0; i < parameters.size(); ++i) CHECK(at::allclose(as_a_whole.all()[i], wanted[i], 1e-5, 1e-5));
  for (const auto& gradient : as_a_whole.all()) gradient.mul_(2);
  CHECK(at::allclose(as_a_whole.piece({0, 100, 300}), 2 * wanted[0].slice(0, 100, 300), 1e-5, 1e-5));
}

TEST_CASE("parameters that autograd gives one gradient have gradients of their own") {
  const lrp::LinearGradients none;
  const std::vector<at::Tensor> parameters{at::zeros({2, 3}), at::zeros({2, 3})};
  lrp::StepGradients gradients(none, parameters);
  const at::Tensor both = at::ones({3, 2}).t();
  gradients.add({lrp::PassGradients{{both, both}, {}}});
  CHECK(gradients.piece({0, 0, 2}).is_contiguous());
  for (const auto& gradient : gradients.all()) gradient.mul_(3);
  for (const auto& gradient : gradients.all()) CHECK(gradient.equal(at::full({2, 3}, 3.0)));
}

TEST_CASE("work that threads take when they are free is done once each, and its errors arrive") {
  for (const int64_t count : {0, 1, 2, 50}) {
    std::vector<std::atomic<int>> done(static_cast<size_t>(count));
    lrp::run_when_free(count, [&](int64_t i) { ++done[static_cast<size_t>(i)]; });
    for (const auto& times : done) CHECK(times == 1);
  }
  CHECK_THROWS_WITH_AS(lrp::run_when_free(9,
                                          [](int64_t i) {
                                            if (i == 7) throw lrp::Error("NUMERIC", "seven");
                                          }),
                       "seven", lrp::Error);
}

TEST_CASE("an optimizer that several threads share takes the steps of one thread") {
  const int before = at::get_num_threads();
  for (const char* name : {"sgd", "adam", "adamw", "rmsprop", "adagrad"}) {
    std::vector<std::vector<at::Tensor>> results;
    for (const int threads : {1, 3}) {
      at::set_num_threads(threads);
      at::manual_seed(2);
      lrp::ParameterGroup group{{{"a", "b", "c"}, 0.1, 0.01},
                                {at::randn({301, 211}), at::randn({}), at::randn({64, 32, 5, 5})}};
      lrp::Optimizer optimizer({name, 0.9, true}, {group});
      for (int step = 0; step < 3; ++step) {
        std::vector<at::Tensor> gradients;
        for (const auto& parameter : group.parameters) gradients.push_back(at::randn_like(parameter));
        optimizer.step([&](const lrp::Piece& p) { return lrp::rows_of(gradients[p.tensor], p); }, 0.5);
      }
      results.push_back(group.parameters);
    }
    for (size_t i = 0; i < results[0].size(); ++i) CHECK(at::allclose(results[0][i], results[1][i], 1e-5, 1e-6));
  }
  at::set_num_threads(before);
}

TEST_CASE("max pooling and its gradient are those of libtorch, also for equal values and NaN") {
  at::manual_seed(4);
  for (const auto& [kernel, stride] : std::vector<std::pair<std::vector<int64_t>, std::vector<int64_t>>>{
           {{2, 2}, {2, 2}}, {{3, 3}, {2, 2}}, {{3, 2}, {1, 1}}, {{1, 4}, {3, 5}}, {{9, 19}, {2, 2}}}) {
    for (const auto& shape : std::vector<std::vector<int64_t>>{{3, 5, 9, 19}, {4, 9, 21}}) {
      at::Tensor x = at::randint(-2, 3, shape).to(at::kFloat);
      x.view(-1)[17] = std::numeric_limits<float>::quiet_NaN();
      x.slice(-1, 0, 3).fill_(-std::numeric_limits<float>::infinity());
      x.set_requires_grad(true);
      const at::Tensor found = lrp::max_pool(x, kernel, stride), wanted = at::max_pool2d(x, kernel, stride);
      CHECK(at::allclose(found, wanted, 0, 0, true));
      const at::Tensor g = at::randn(found.sizes());
      CHECK(torch::autograd::grad({found}, {x}, {g})[0].equal(torch::autograd::grad({wanted}, {x}, {g})[0]));
    }
  }
}

TEST_CASE("a convolution of one channel has libtorch's gradients") {
  at::manual_seed(6);
  const std::vector<lrp::ConvolutionWindow> windows{
      {{1, 1}, {0, 0}, {1, 1}}, {{2, 3}, {1, 2}, {1, 1}}, {{1, 2}, {3, 0}, {2, 3}}};
  for (const auto& w : windows) {
    for (const int64_t size : {13, 700}) {  // the second in several pieces
      const at::Tensor grey = at::randn({3, 1, size, size + 2}), weight = at::randn({4, 1, 5, 3}),
                       bias = at::randn({4});
      const auto convolution = [&](const at::Tensor& x, const at::Tensor& k, const at::Tensor& b) {
        return at::convolution(x, k, b, w.stride, w.padding, w.dilation, false, {0, 0}, 1);
      };
      std::vector<at::Tensor> leaves, doubles;
      for (const auto& leaf : {grey, weight, bias}) {
        leaves.push_back(leaf.detach().requires_grad_());
        doubles.push_back(leaf.detach().to(at::kDouble).requires_grad_());
      }
      CHECK(lrp::fits_one_channel(leaves[0], leaves[1]));
      CHECK_FALSE(lrp::fits_one_channel(leaves[0], weight));
      const at::Tensor found = lrp::one_channel_convolution(leaves[0], leaves[1], leaves[2], w);
      const at::Tensor wanted = convolution(doubles[0], doubles[1], doubles[2]);
      CHECK(at::allclose(found.to(at::kDouble), wanted, 1e-4, 1e-4));
      const at::Tensor g = at::randn(found.sizes());
      const auto ours = torch::autograd::grad({found}, leaves, {g});
      const auto theirs = torch::autograd::grad({wanted}, doubles, {g.to(at::kDouble)});
      for (size_t i = 0; i < ours.size(); ++i) {
        const double largest = theirs[i].abs().max().item<double>();
        CHECK((ours[i].to(at::kDouble) - theirs[i]).abs().max().item<double>() < 1e-5 * largest);
      }
      const at::Tensor alone = lrp::one_channel_convolution(grey, leaves[1], {}, w);
      CHECK(torch::autograd::grad({alone}, {leaves[1]}, {g})[0].equal(ours[1]));
    }
  }
}
