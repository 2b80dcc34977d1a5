#include <ATen/ATen.h>

#include "selection.h"

namespace lrp {

namespace {

/// One logit of [batch, classes], or the difference of two.
class ClassTarget : public Selection {
 public:
  explicit ClassTarget(const Contrast& contrast) : contrast_(contrast) {
    classes = contrast.classes;
    against = contrast.against;
  }
  int64_t explanations() const override { return classes.size(0); }
  Targets of_image(int64_t image) const override { return std::make_shared<ClassTarget>(contrast_.of_image(image)); }
  Tensor scores(const Tensor& output) const override {
    if (contrast_.single) return Selection::scores(output);
    const auto logits_of = [&](const Tensor& rows) { return output.t().gather(0, rows).to(at::kDouble); };
    return against.defined() ? logits_of(classes) - logits_of(against) : logits_of(classes);
  }

 protected:
  Tensor weights(const Tensor& output, int64_t t) const override {
    return class_weights(contrast_, t, output.narrow(0, 0, classes.size(1)));
  }

 private:
  Contrast contrast_;
};

}  // namespace

Targets class_target(const TargetSettings& settings, const Tensor& output) {
  Contrast contrast = chosen_classes(settings, output);
  compare_with(contrast, settings, output.size(1), [&](int64_t) { return output; });
  return std::make_shared<ClassTarget>(contrast);
}

}  // namespace lrp
