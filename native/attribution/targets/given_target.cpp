#include <ATen/ATen.h>

#include "../../error.h"
#include "target.h"

namespace lrp {

namespace {

/// The starting relevance itself; gradient methods and occlusion take it as weights of the outputs.
class GivenTarget : public Target {
 public:
  GivenTarget(const Tensor& seed, int64_t images) : seed_(seed) {
    classes = at::full({1, images}, -1, seed.options().dtype(at::kLong));
  }
  int64_t explanations() const override { return 1; }
  Targets of_image(int64_t image) const override {
    return std::make_shared<GivenTarget>(seed_.size(0) == 1 ? seed_ : seed_.narrow(0, image, 1), 1);
  }
  Tensor seed(const Tensor& output, int64_t, Start) const override { return seed_.expand_as(output).contiguous(); }
  Tensor score(const Tensor& output, int64_t) const override {
    return (seed_ * output).flatten(1).sum(1, false, at::kDouble);
  }

 private:
  Tensor seed_;
};

}  // namespace

Targets given_target(const Tensor& seed, const Tensor& output) {
  const bool fits = seed.dim() == output.dim() && seed.sizes().slice(1) == output.sizes().slice(1) &&
                    (seed.size(0) == 1 || seed.size(0) == output.size(0));
  if (!fits) {
    throw Error("INVALID_ARGUMENT", "the initial relevance (option 'seed') has shape " + c10::str(seed.sizes()) +
                                        ", but the model's output has shape " + c10::str(output.sizes()));
  }
  return std::make_shared<GivenTarget>(seed.to(output.device(), output.scalar_type()), output.size(0));
}

}  // namespace lrp
