#include "ops/dense.h"

#include <ATen/autocast_mode.h>

#include "check.h"

TEST_CASE("a product is that of libtorch, whichever library computes it") {
  const at::NoGradGuard no_grad;
  at::manual_seed(3);
  for (const auto& [inputs, outputs] : {std::pair{5, 7}, {600, 500}, {500, 600}}) {
    const at::Tensor weight = at::randn({outputs, inputs}), bias = at::randn({outputs});
    for (const at::Tensor& x :
         {at::randn({3, inputs}), at::randn({2, 9, inputs}), at::randn({9, 2, inputs}).transpose(0, 1),
          at::randn({inputs}), at::randn({0, inputs})}) {
      const at::Tensor wanted = at::linear(x.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble));
      const at::Tensor found = lrp::dense_forward(x, weight, bias);
      CHECK(found.sizes().equals(wanted.sizes()));
      CHECK(at::allclose(found.to(at::kDouble), wanted, 1e-5, 1e-3));
      CHECK(at::allclose(lrp::dense_forward(x, weight, {}) + bias, found, 1e-5, 1e-3));
    }
    CHECK((lrp::dense_forward(at::randn({2, inputs}).to(at::kDouble), weight.to(at::kDouble), {}).scalar_type() ==
           at::kDouble));
  }
}

TEST_CASE("a product has a gradient where one is recorded, and the type of autocast") {
  const at::Tensor weight = at::randn({600, 500}), x = at::randn({3, 500}).requires_grad_();
  CHECK(lrp::dense_forward(x, weight, {}).requires_grad());
  const at::NoGradGuard no_grad;
  at::autocast::set_autocast_enabled(at::kCPU, true);
  CHECK((lrp::dense_forward(x, weight, {}).scalar_type() == at::kBFloat16));
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  CHECK((lrp::dense_forward(x, weight, {}).scalar_type() == at::kFloat));
}
