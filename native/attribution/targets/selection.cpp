#include "selection.h"

#include <ATen/ATen.h>

#include <limits>

#include "../../error.h"

namespace lrp {

Tensor Selection::seed(const Tensor& output, int64_t t, Start start) const {
  const Tensor w = weights(output, t).expand_as(output);
  const bool is_single = output.size(1) == 1;
  switch (start) {
    case Start::one:
      return w.contiguous();
    case Start::probability:
      return w * (is_single ? output.sigmoid() : output.softmax(1));
    case Start::sigmoid:
      return w * output.sigmoid();
    case Start::softmax_gradient:  // of the sum of w log p; the other class of a single logit has the logit 0
      return is_single ? w * (1 - output.sigmoid()) : w - w.sum(1, true) * output.softmax(1);
    default:
      return w * output;
  }
}

Tensor Selection::score(const Tensor& output, int64_t t) const {
  return (weights(output, t) * output).flatten(1).sum(1, false, at::kDouble);
}

Tensor checked_rows(const Tensor& rows, const Tensor& output, int64_t count, const char* what, int64_t lowest) {
  const int64_t batch = output.size(0);
  if (rows.dim() != 2 || rows.size(1) != batch) {
    throw Error("INVALID_ARGUMENT",
                "there must be one " + std::string(what) + " for each of the " + std::to_string(batch) + " images");
  }
  const int64_t least = rows.min().item<int64_t>(), most = rows.max().item<int64_t>();
  if (least < lowest || most >= count) {
    const std::string plural = std::string(what) == "box" ? "boxes" : "classes";
    throw Error("INVALID_ARGUMENT", std::string(what) + " " + std::to_string(least < lowest ? least : most) +
                                        " does not exist: the model has " + plural + " 0 to " +
                                        std::to_string(count - 1));
  }
  return rows.to(output.device(), at::kLong);
}

Contrast contrast_of(const TargetSettings& settings, const Tensor& scores) {
  const int64_t count = scores.size(1);
  Contrast result;
  result.classes =
      settings.classes ? checked_rows(*settings.classes, scores, count, "target") : scores.argmax(1).unsqueeze(0);
  if (!settings.against || count == 1) return result;
  const Tensor asked = checked_rows(*settings.against, scores, count, "target", -1).expand_as(result.classes);
  if (settings.independent && asked.lt(0).any().item<bool>()) {
    throw Error("INVALID_ARGUMENT", "against: independent classes have no runner-up, name a class");
  }
  const Tensor rows = scores.expand({result.classes.size(0), -1, -1});
  const Tensor others = rows.scatter(2, result.classes.unsqueeze(2), -std::numeric_limits<double>::infinity());
  result.against = at::where(asked < 0, others.argmax(2), asked);
  if (result.against.eq(result.classes).any().item<bool>()) {
    throw Error("INVALID_ARGUMENT", "a class is compared with itself: its difference is 0");
  }
  return result;
}

Contrast Contrast::of_image(int64_t image) const {
  return {classes.narrow(1, image, 1), against.defined() ? against.narrow(1, image, 1) : Tensor()};
}

Tensor class_weights(const Contrast& contrast, int64_t t, const Tensor& like) {
  Tensor result = at::zeros_like(like).scatter_(1, contrast.classes[t].unsqueeze(1), 1);
  if (contrast.against.defined()) result.scatter_(1, contrast.against[t].unsqueeze(1), -1);
  return result;
}

}  // namespace lrp
