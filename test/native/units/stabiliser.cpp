#include "rules/stabiliser.h"

#include "check.h"

using lrp::Stabiliser;
using units::close;

TEST_CASE("stabilisers") {
  const at::Tensor z = at::tensor({-2.f, 0.f, 2.f});
  CHECK(close(Stabiliser{0.5, Stabiliser::kSigned}(z), at::tensor({-2.5f, 0.5f, 2.5f})));
  CHECK(close(Stabiliser{0.5, Stabiliser::kSignedBelow}(z), at::tensor({-2.5f, -0.5f, 2.5f})));
  CHECK(close(Stabiliser{0.5, Stabiliser::kAtZero}(z), at::tensor({-2.f, 0.5f, 2.f})));
  CHECK(close(Stabiliser{0.5, Stabiliser::kPlain}(z), at::tensor({-1.5f, 0.5f, 2.5f})));
}

/// The loop for float32 on the CPU and the tensor form for everything else agree where z is 0, of either sign, and R is
/// not.
TEST_CASE("sign at zero") {
  const at::Tensor z = at::tensor({-0.f, 0.f, 1.f, -1.f}), R = at::tensor({3.f, 3.f, 3.f, 3.f});
  const std::vector<std::pair<Stabiliser::Mode, at::Tensor>> expected{
      {Stabiliser::kSigned, at::tensor({6.f, 6.f, 2.f, -2.f})},
      {Stabiliser::kSignedBelow, at::tensor({-6.f, -6.f, 2.f, -2.f})},
      {Stabiliser::kAtZero, at::tensor({6.f, 6.f, 3.f, -3.f})},
      {Stabiliser::kPlain, at::tensor({6.f, 6.f, 2.f, -6.f})}};
  for (const auto& [mode, result] : expected) {
    const Stabiliser S{0.5, mode};
    CHECK(close(lrp::ratio(R, z, S), result));
    CHECK(close(lrp::ratio(R.to(at::kDouble), z.to(at::kDouble), S).to(at::kFloat), result));
    CHECK(close(lrp::ratio(R.view({2, 2}).t(), z.view({2, 2}).t(), S).t().flatten(), result));
    CHECK(close(lrp::ratio_in_place(R, z.clone(), S), result));
    CHECK(close(lrp::ratio(R, z, S, 2), 2 * result));
  }
}

TEST_CASE("no stabiliser") {
  const at::Tensor z = at::tensor({-2.f, 0.f, 2.f}), R = at::tensor({5.f, 0.f, 10.f});
  for (const auto mode : {Stabiliser::kSigned, Stabiliser::kPlain, Stabiliser::kAtZero, Stabiliser::kSignedBelow}) {
    CHECK(close(lrp::ratio(R, z, {0, mode}), at::tensor({-2.5f, 0.f, 5.f})));
    CHECK(close(lrp::ratio(R.to(at::kDouble), z.to(at::kDouble), {0, mode}).to(at::kFloat),
                at::tensor({-2.5f, 0.f, 5.f})));
  }
}
