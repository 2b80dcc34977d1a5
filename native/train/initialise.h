#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lrp {

/// A tensor to be made: uniform in [-bound, bound], or `value` throughout.
struct InitialValue {
  std::string name;
  std::vector<int64_t> shape;
  std::optional<double> bound, value;
};

/// Tensors by name; the same seed gives the same values. Throws INVALID_ARGUMENT for one with neither bound nor value.
std::map<std::string, at::Tensor> initialise(const std::vector<InitialValue>& wanted, uint64_t seed);

}  // namespace lrp
