#include "initialise.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

namespace lrp {

std::map<std::string, at::Tensor> initialise(const std::vector<InitialValue>& wanted, uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  std::map<std::string, at::Tensor> result;
  for (const InitialValue& one : wanted) {
    at::Tensor tensor = at::empty(one.shape, at::dtype(at::kFloat));
    if (one.bound > 0) {
      tensor.uniform_(-one.bound, one.bound, generator);
    } else {
      tensor.fill_(one.value);
    }
    result[one.name] = tensor;
  }
  return result;
}

}  // namespace lrp
