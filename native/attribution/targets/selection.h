#pragma once
#include <functional>

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

/// Which classes are explained.
struct Contrast {
  Tensor classes, against;  // [explanations, batch]; against is undefined if nothing is subtracted
  bool single = false;      // one logit tells the classes 0 and 1 apart
  Contrast of_image(int64_t image) const;
};

/// The classes that are asked for. Otherwise the one with the highest of the scores [batch, classes], and class 1 of a
/// single logit.
Contrast chosen_classes(const TargetSettings& settings, const Tensor& scores);

/// Adds the classes that are compared with. The runner-up is the class with the second highest score. `scores` returns
/// the scores [batch, classes] of one explanation. Throws INVALID_ARGUMENT for a class that is compared with itself.
using ScoresOf = std::function<Tensor(int64_t explanation)>;
void compare_with(Contrast& contrast, const TargetSettings& settings, int64_t count, const ScoresOf& scores);

/// Weights over the classes [batch, classes]: 1 for the class, -1 for the one it is compared with. A single logit has
/// the weight 1 for class 1, and -1 for class 0.
Tensor class_weights(const Contrast& contrast, int64_t t, const Tensor& like);

}  // namespace lrp
