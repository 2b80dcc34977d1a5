#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>

#include "../../error.h"
#include "method.h"

namespace lrp {

namespace {

struct SmoothgradOptions {
  int64_t samples;
  double noise;  // standard deviation as a share of each image's range
  uint64_t seed;

  explicit SmoothgradOptions(const Attributes& settings)
      : samples(settings.integer("steps")),
        noise(settings.number("noise")),
        seed(static_cast<uint64_t>(settings.integer("seed"))) {
    if (samples < 1) throw Error("INVALID_ARGUMENT", "option 'steps' must be 1 or more");
  }
};

constexpr int64_t kAtOnce = 8;

/// The mean gradient of one image [1, ...] for its own target.
Tensor mean_gradient(const MethodArguments& a, const SmoothgradOptions& options, const Tensor& image,
                     const Targets& target) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed_of_image(image, options.seed));
  const double deviation = (image.max() - image.min()).item<double>() * options.noise;
  Tensor sum;
  for (int64_t from = 0; from < options.samples; from += kAtOnce) {
    auto shape = image.sizes().vec();
    shape[0] = std::min(kAtOnce, options.samples - from);
    const Tensor noise = at::randn(shape, generator, at::dtype(at::kFloat)).to(image.device());
    const Tensor gradient = gradient_at(a, image + noise * deviation, target).relevance;
    const Tensor total = gradient.sum(target->explanations() > 1 ? 1 : 0, true);
    sum = sum.defined() ? sum.add_(total) : total;
  }
  return sum / static_cast<double>(options.samples);
}

}  // namespace

/// The mean gradient at noisy copies of each image. Smilkov et al. 2017. The copies of one image make a pass of their
/// own, and their noise is drawn from its values and the seed: its map has the same bits in every batch.
Explanation by_smoothgrad(const MethodArguments& a) {
  const SmoothgradOptions options(a.settings);
  Explanation result = asked(a);
  std::vector<Tensor> maps;
  for (int64_t i = 0; i < a.x.size(0); ++i) {
    if (a.lrp.cancel) a.lrp.cancel->check();
    maps.push_back(mean_gradient(a, options, a.x.narrow(0, i, 1), result.target->of_image(i)));
  }
  result.relevance = at::cat(maps, result.target->explanations() > 1 ? 1 : 0);
  return result;
}

}  // namespace lrp
