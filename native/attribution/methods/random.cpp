#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "method.h"

namespace lrp {

/// Normal random numbers, to compare with: drawn from each image's values and the seed, one map per target.
Explanation by_random(const MethodArguments& a) {
  const auto seed = static_cast<uint64_t>(a.settings.integer("seed"));
  Explanation result = asked(a);
  const int64_t targets = result.target->explanations();
  std::vector<Tensor> maps;
  for (int64_t i = 0; i < a.x.size(0); ++i) {
    const Tensor image = a.x.narrow(0, i, 1);
    auto generator = at::make_generator<at::CPUGeneratorImpl>(seed_of_image(image, seed));
    auto shape = image.sizes().vec();
    if (targets > 1) shape.insert(shape.begin(), targets);
    maps.push_back(at::randn(shape, generator, at::dtype(at::kFloat)));
  }
  result.relevance = at::cat(maps, targets > 1 ? 1 : 0);
  return result;
}

}  // namespace lrp
