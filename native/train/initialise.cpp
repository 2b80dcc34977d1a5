#include "initialise.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "../error.h"

namespace lrp {

std::map<std::string, at::Tensor> initialise(const std::vector<InitialValue>& wanted, uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  std::map<std::string, at::Tensor> result;
  for (const InitialValue& one : wanted) {
    at::Tensor tensor = at::empty(one.shape, at::dtype(at::kFloat));
    if (one.bound) {
      tensor.uniform_(-*one.bound, *one.bound, generator);
    } else if (one.value) {
      tensor.fill_(*one.value);
    } else {
      throw Error("INVALID_ARGUMENT", "the initial value of '" + one.name + "' must have a bound or a value");
    }
    result[one.name] = tensor;
  }
  return result;
}

}  // namespace lrp
