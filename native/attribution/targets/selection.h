#pragma once
#include "target.h"

namespace lrp {

/// Weighted outputs: the score is the sum of outputs times weights, and relevance starts as these products.
class Selection : public Target {
 public:
  /// Weights [batch, classes, ...] shaped like the output: classes on axis 1.
  Tensor seed(const Tensor& output, int64_t t, Start start) const override;
  Tensor score(const Tensor& output, int64_t t) const override;

 protected:
  virtual Tensor weights(const Tensor& output, int64_t t) const = 0;
};

/// Classes as rows [explanations, batch], on the output's device. Throws INVALID_ARGUMENT for another number of images
/// and for numbers that are not below `count`; `lowest` is -1 where that means something.
Tensor checked_rows(const Tensor& rows, const Tensor& output, int64_t count, const char* what, int64_t lowest = 0);

/// Class scores [batch, classes] of each image, by which the predicted class and the runner-up are chosen.
struct Contrast {
  Tensor classes, against;  // [explanations, batch]; against is undefined where nothing is subtracted
  Contrast of_image(int64_t image) const;
};
Contrast contrast_of(const TargetSettings& settings, const Tensor& scores);

/// Weights over the classes [batch, classes]: 1 for the class, -1 for the one it is compared with. The other class of a
/// single logit has the logit 0.
Tensor class_weights(const Contrast& contrast, int64_t t, const Tensor& like);

}  // namespace lrp
