#include "check.h"
#include "ops/op.h"
#include "rules/rule.h"

namespace {

/// The rule's relevance for R in the type of the tensors, and what the biases absorbed.
std::pair<at::Tensor, at::Tensor> propagated(const std::string& rule, const at::Tensor& x, const at::Tensor& R) {
  at::manual_seed(5);
  const auto type = x.scalar_type();
  const lrp::Parameters parameters{{"weight", at::randn({7, 5}).to(type)}, {"bias", at::randn({7}).to(type)}};
  const auto op = lrp::make_op("linear", {}, parameters, 1);
  const lrp::Pass pass = lrp::Pass::of(x);
  const std::string name = "linear";
  lrp::Absorbed absorbed;
  const lrp::Layer layer{*op,   name,  pass,      {x},    {true},   op->forward({x}, pass),
                         false, false, &absorbed, {0, 0}, x.size(0)};
  const lrp::Attributes settings({{"epsilon", 1e-6},
                                  {"stabiliser", std::string("signed")},
                                  {"ignoreBias", false},
                                  {"gamma", 0.25},
                                  {"alpha", 2.0},
                                  {"beta", 1.0}});
  const lrp::Tensor result = lrp::make_rule(rule, {settings, {}, {}}).apply(layer, R)[0];
  return {result, absorbed.by_bias};
}

}  // namespace

/// In float only the reached rows are computed, in double all: both are the same.
TEST_CASE("rows without relevance get none, and change nothing for the others") {
  at::manual_seed(4);
  const at::Tensor x = at::randn({2, 20, 5});
  at::Tensor R = at::zeros({2, 20, 7});
  R.select(1, 3).normal_();
  R.select(0, 1).select(0, 19).normal_();
  for (const char* rule : {"epsilon", "gamma", "zplus", "alphabeta"}) {
    const auto [found, by_bias] = propagated(rule, x, R);
    const auto [wanted, all_by_bias] = propagated(rule, x.to(at::kDouble), R.to(at::kDouble));
    CHECK(at::allclose(found.to(at::kDouble), wanted, 1e-4, 1e-5));
    CHECK(at::allclose(by_bias.to(at::kDouble), all_by_bias.to(at::kDouble), 1e-4, 1e-5));
    CHECK(found.ne(0).any(-1).sum().item<int64_t>() == 3);
  }
}
