#include "selection.h"

#include <ATen/ATen.h>

#include <algorithm>
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
      return is_single ? w * (1 - (w * output).sigmoid()) : w - w.sum(1, true) * output.softmax(1);
    default:
      return w * output;
  }
}

Tensor Selection::score(const Tensor& output, int64_t t) const {
  return (weights(output, t) * output).flatten(1).sum(1, false, at::kDouble);
}

Tensor checked_rows(const Tensor& rows, const Tensor& output, int64_t count, const char* what, int64_t lowest) {
  const int64_t batch = output.size(0);
  if (rows.dim() != 2 || rows.size(1) != batch || rows.numel() == 0) {
    throw Error("INVALID_ARGUMENT",
                "there must be one " + std::string(what) + " for each of the " + std::to_string(batch) + " images");
  }
  const Tensor numbers = rows.to(at::kCPU, at::kLong).contiguous();
  const auto* first = numbers.const_data_ptr<int64_t>();
  const auto [lowest_row, highest_row] = std::minmax_element(first, first + numbers.numel());
  const int64_t least = *lowest_row, most = *highest_row;
  if (least < lowest || most >= count) {
    const std::string plural = std::string(what) == "box" ? "boxes" : "classes";
    throw Error("INVALID_ARGUMENT", std::string(what) + " " + std::to_string(least < lowest ? least : most) +
                                        " does not exist: the model has " + plural + " 0 to " +
                                        std::to_string(count - 1));
  }
  return numbers.to(output.device());
}

Contrast chosen_classes(const TargetSettings& settings, const Tensor& scores) {
  Contrast result;
  result.single = settings.binary && scores.size(1) == 1;
  const int64_t count = result.single ? 2 : scores.size(1);
  if (settings.classes) {
    result.classes = checked_rows(*settings.classes, scores, count, "target");
  } else if (result.single) {
    result.classes = at::ones({1, scores.size(0)}, scores.options().dtype(at::kLong));
  } else {
    result.classes = scores.argmax(1).unsqueeze(0);
  }
  return result;
}

void compare_with(Contrast& contrast, const TargetSettings& settings, int64_t count, const ScoresOf& scores) {
  if (!settings.against || count == 1) return;
  const Tensor asked = checked_rows(*settings.against, contrast.classes[0], count, "target", -1);
  contrast.against = asked.expand_as(contrast.classes).clone();
  if (asked.lt(0).any().item<bool>()) {
    if (settings.independent) {
      throw Error("INVALID_ARGUMENT",
                  "option 'against' cannot be runner-up for independent classes: name the class to compare with");
    }
    for (int64_t t = 0; t < contrast.classes.size(0); ++t) {
      const Tensor own = contrast.classes[t].unsqueeze(1);
      const Tensor others = scores(t).scatter(1, own, -std::numeric_limits<double>::infinity());
      contrast.against[t] = at::where(contrast.against[t] < 0, others.argmax(1), contrast.against[t]);
    }
  }
  if (contrast.against.eq(contrast.classes).any().item<bool>()) {
    throw Error("INVALID_ARGUMENT", "option 'against' must differ from the explained class");
  }
}

Contrast Contrast::of_image(int64_t image) const {
  return {classes.narrow(1, image, 1), against.defined() ? against.narrow(1, image, 1) : Tensor(), single};
}

Tensor class_weights(const Contrast& contrast, int64_t t, const Tensor& like) {
  const Tensor& classes = contrast.classes[t];
  if (contrast.single) return (2 * classes - 1).unsqueeze(1).to(like.scalar_type());
  Tensor result = at::zeros_like(like).scatter_(1, classes.unsqueeze(1), 1);
  if (contrast.against.defined()) result.scatter_(1, contrast.against[t].unsqueeze(1), -1);
  return result;
}

}  // namespace lrp
