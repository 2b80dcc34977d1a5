#include "finite.h"

#include <limits>

#include "check.h"

using lrp::all_finite;

/// Few float32 values are looked at by a loop, others by libtorch.
TEST_CASE("one value that is not finite is found, wherever it lies") {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const int64_t size : {1, 9, 8192, 8193}) {
    at::Tensor values = at::linspace(-1, 1, size);
    values[0] = std::numeric_limits<float>::max();
    values[size - 1] = -std::numeric_limits<float>::denorm_min();
    CHECK(all_finite(values));
    for (const float value : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
      for (const int64_t place : {int64_t{0}, size / 2, size - 1}) {
        at::Tensor one = values.clone();
        one[place] = value;
        CHECK_FALSE(all_finite(one));
        CHECK_FALSE(all_finite(one.to(at::kDouble)));
      }
    }
  }
}

TEST_CASE("only the values of a view count") {
  const at::Tensor values = at::tensor({1.f, std::numeric_limits<float>::infinity(), 2.f, 3.f}).view({2, 2});
  CHECK(all_finite(values.select(1, 0)));
  CHECK_FALSE(all_finite(values.t()));
  CHECK(all_finite(at::empty({0})));
  CHECK(all_finite(at::tensor({1, 2}, at::kLong)));
}
