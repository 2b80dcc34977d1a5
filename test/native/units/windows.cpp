#include "train/data/window.h"

#include "check.h"

using units::close;
using units::code_thrown;

TEST_CASE("windows") {
  const at::Tensor images = at::arange(9, at::kFloat).view({1, 1, 3, 3});
  const lrp::Windows mirrored{2, 2, 1, {0}, {1}, {1}, {0}};
  CHECK(close(lrp::cut_windows(images, mirrored).flatten(), at::tensor({0.f, 0.f, 1.f, 0.f})));
  CHECK(
      at::equal(lrp::cut_windows(images.to(at::kDouble), mirrored).to(at::kFloat), lrp::cut_windows(images, mirrored)));
  CHECK(lrp::middle_windows(at::zeros({1, 1, 5, 4}), 2, 2).top[0] == 2);
  CHECK(code_thrown([&] { lrp::middle_windows(images, 4, 4); }) == "INVALID_ARGUMENT");
}
