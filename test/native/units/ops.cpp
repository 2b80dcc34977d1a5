#include "check.h"
#include "ops/size_expression.h"
#include "ops/size_limit.h"
#include "ops/split_dense.h"

using units::code_thrown;

TEST_CASE("dense parts") {
  at::manual_seed(1);
  const at::Tensor x = at::randn({3, 1500}), weight = at::randn({701, 1500}), g = at::randn({3, 701});
  g.slice(1, 10, 500).zero_();
  const lrp::Part part = lrp::Part::split(1.25, -0.5);
  const at::Tensor whole = 1.25 * weight.clamp_min(0) - 0.5 * weight.clamp_max(0);
  CHECK(lrp::fits_split_dense(x, weight, part));
  CHECK(!lrp::fits_split_dense(x, weight.slice(0, 0, 10), part));
  CHECK(at::allclose(lrp::split_dense_forward(x, weight, part), x.matmul(whole.t()), 1e-4, 1e-3));
  CHECK(at::allclose(lrp::split_dense_gradient(g, weight, part), g.matmul(whole), 1e-4, 1e-3));
}

TEST_CASE("size expressions") {
  const auto value = [](const char* text) { return lrp::SizeExpression(text)({2, 3, 15}); };
  CHECK(value("i0 * 49 + 1") == 99);
  CHECK(value("(i2 + 15) // 16") == 1);
  CHECK(value("(0 - 7) // 2") == -4);
  CHECK(value("-7 % 3") == 2);
  CHECK(value("Max(i0, Min(i1, 9))") == 3);
  for (const char* wrong : {"i9", "1 // 0", "999999999999999999 * 999999999999999999", "2 +", "x"})
    CHECK(code_thrown([&] { value(wrong); }) == "INVALID_ARGUMENT");
}

TEST_CASE("size limits") {
  CHECK(code_thrown([] { lrp::check_size({1, 1 << 28}); }).empty());
  CHECK(code_thrown([] { lrp::check_size({1, (1 << 28) + 1}); }) == "UNSUPPORTED");
  CHECK(code_thrown([] { lrp::check_size({16, 1 << 28}); }) == "UNSUPPORTED");
  const lrp::Attributes window({{"stride", 4096.0}, {"padding", -1.0}, {"kernel_size", std::vector<double>{2, 3}}});
  CHECK(lrp::window_attribute(window, "stride", 2) == (std::vector<int64_t>{4096, 4096}));
  CHECK(lrp::window_attribute(window, "kernel_size", 2) == (std::vector<int64_t>{2, 3}));
  CHECK(lrp::window_attribute(window, "dilation", 3, 1) == (std::vector<int64_t>{1, 1, 1}));
  CHECK(code_thrown([&] { lrp::window_attribute(window, "padding", 2); }) == "UNSUPPORTED");
  CHECK(code_thrown([&] { lrp::window_attribute(window, "kernel_size", 3); }) == "INVALID_ARGUMENT");
}
