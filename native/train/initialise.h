#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

namespace lrp {

/// A tensor to be made: uniform in [-bound, bound], or `value` throughout where bound is 0.
struct InitialValue {
  std::string name;
  std::vector<int64_t> shape;
  double bound, value;
};

/// Tensors by name; the same seed gives the same values.
std::map<std::string, at::Tensor> initialise(const std::vector<InitialValue>& wanted, uint64_t seed);

}  // namespace lrp
