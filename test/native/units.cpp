// Units of the C++ side by themselves, run by units.test.ts. Prints one line for each check that fails.
#include <ATen/ATen.h>

#include <cstdio>
#include <functional>

#include "error.h"
#include "ops/size_expression.h"
#include "ops/split_dense.h"
#include "rules/stabiliser.h"
#include "train/data/window.h"

namespace {

int failures = 0;

void check(bool holds, const char* what, int line) {
  if (holds) return;
  ++failures;
  std::printf("units.cpp:%d: %s\n", line, what);
}
#define CHECK(condition) check(condition, #condition, __LINE__)

/// The code of the error that `body` throws; empty where it throws none.
std::string code_thrown(const std::function<void()>& body) {
  try {
    body();
  } catch (const lrp::Error& error) {
    return error.code();
  }
  return "";
}

bool close(const at::Tensor& a, const at::Tensor& b) { return at::allclose(a, b, 1e-5, 1e-6); }

void stabilisers() {
  using lrp::Stabiliser;
  const at::Tensor z = at::tensor({-2.f, 0.f, 2.f});
  CHECK(close(Stabiliser{0.5, Stabiliser::kSigned}(z), at::tensor({-2.5f, 0.5f, 2.5f})));
  CHECK(close(Stabiliser{0.5, Stabiliser::kSignedBelow}(z), at::tensor({-2.5f, -0.5f, 2.5f})));
  CHECK(close(Stabiliser{0.5, Stabiliser::kAtZero}(z), at::tensor({-2.f, 0.5f, 2.f})));
  CHECK(close(Stabiliser{0.5, Stabiliser::kPlain}(z), at::tensor({-1.5f, 0.5f, 2.5f})));
  const at::Tensor R = at::tensor({5.f, 0.f, 10.f});
  CHECK(close(lrp::ratio(R, z, {0.5, Stabiliser::kSigned}, 2), at::tensor({-4.f, 0.f, 8.f})));
  CHECK(close(lrp::ratio(R, z, {0, Stabiliser::kSigned}), at::tensor({-2.5f, 0.f, 5.f})));
  CHECK(close(lrp::ratio(R.to(at::kDouble), z.to(at::kDouble), {0, Stabiliser::kPlain}).to(at::kFloat),
              at::tensor({-2.5f, 0.f, 5.f})));
}

void dense_parts() {
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

void windows() {
  const at::Tensor images = at::arange(9, at::kFloat).view({1, 1, 3, 3});
  const lrp::Windows mirrored{2, 2, 1, {0}, {1}, {1}, {0}};
  CHECK(close(lrp::cut_windows(images, mirrored).flatten(), at::tensor({0.f, 0.f, 1.f, 0.f})));
  CHECK(
      at::equal(lrp::cut_windows(images.to(at::kDouble), mirrored).to(at::kFloat), lrp::cut_windows(images, mirrored)));
  CHECK(lrp::middle_windows(at::zeros({1, 1, 5, 4}), 2, 2).top[0] == 2);
  CHECK(code_thrown([&] { lrp::middle_windows(images, 4, 4); }) == "INVALID_ARGUMENT");
}

void size_expressions() {
  const auto value = [](const char* text) { return lrp::SizeExpression(text)({2, 3, 15}); };
  CHECK(value("i0 * 49 + 1") == 99);
  CHECK(value("(i2 + 15) // 16") == 1);
  CHECK(value("(0 - 7) // 2") == -4);
  CHECK(value("-7 % 3") == 2);
  CHECK(value("Max(i0, Min(i1, 9))") == 3);
  for (const char* wrong : {"i9", "1 // 0", "999999999999999999 * 999999999999999999", "2 +", "x"})
    CHECK(code_thrown([&] { value(wrong); }) == "INVALID_ARGUMENT");
}

}  // namespace

int main() {
  stabilisers();
  dense_parts();
  windows();
  size_expressions();
  return failures == 0 ? 0 : 1;
}
