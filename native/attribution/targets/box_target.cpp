#include <ATen/ATen.h>

#include "../../error.h"
#include "selection.h"

namespace lrp {

namespace {

/// Ultralytics: [batch, 4 + classes, boxes], four numbers of the box before its class scores.
constexpr int64_t kBoxNumbers = 4;

/// torchvision's dense heads are [batch, boxes, classes]. Known names of classes tell the layouts apart; otherwise
/// there are more boxes than classes.
bool boxes_first(const Tensor& output, std::optional<int64_t> named) {
  if (named && output.size(1) == kBoxNumbers + *named) return false;
  if (named && output.size(2) == *named) return true;
  return output.size(1) > output.size(2);
}

/// Class scores as [batch, classes, boxes].
Tensor class_scores(const Tensor& output, std::optional<int64_t> named) {
  if (boxes_first(output, named)) return output.transpose(1, 2);
  if (output.size(1) <= kBoxNumbers) {
    throw Error("UNSUPPORTED",
                "the model's output has shape " + c10::str(output.sizes()) +
                    ": a detection head must have the shape [batch, 4 + classes, boxes] or [batch, boxes, classes]");
  }
  return output.slice(1, kBoxNumbers);
}

/// One class's score of one box.
class BoxTarget : public Selection {
 public:
  BoxTarget(const Contrast& contrast, const Tensor& chosen, std::optional<int64_t> named)
      : contrast_(contrast), named_(named) {
    classes = contrast.classes;
    against = contrast.against;
    boxes = chosen;
  }
  int64_t explanations() const override { return classes.size(0); }
  Targets of_image(int64_t image) const override {
    return std::make_shared<BoxTarget>(contrast_.of_image(image), boxes.narrow(1, image, 1), named_);
  }

 protected:
  Tensor weights(const Tensor& output, int64_t t) const override {
    Tensor result = at::zeros({classes.size(1), output.size(1), output.size(2)}, output.options());
    Tensor scores = class_scores(result, named_);
    const Tensor image = at::arange(classes.size(1), classes.options());
    const Tensor of_class = class_weights(contrast_, t, at::empty(scores.sizes().slice(0, 2), output.options()));
    scores.index_put_({image, at::indexing::Slice(), boxes[t]}, of_class);
    return result;
  }

 private:
  Contrast contrast_;
  std::optional<int64_t> named_;
};

}  // namespace

/// Without a class it is the one with the highest score, in the box if one is named. The runner-up is that of the box.
Targets box_target(const TargetSettings& settings, const Tensor& output) {
  const Tensor scores = class_scores(output, settings.named);
  const Tensor asked = checked_rows(*settings.boxes, output, scores.size(2), "box", -1);
  const auto in_boxes = [&scores](const Tensor& boxes) {
    return scores.gather(2, boxes.view({-1, 1, 1}).expand({-1, scores.size(1), 1})).squeeze(2);
  };
  const Tensor best = std::get<0>(scores.max(2));  // of each class
  const Tensor asked_scores = in_boxes(asked[0].clamp_min(0));
  Contrast contrast = chosen_classes(settings, at::where(asked[0].unsqueeze(1) < 0, best, asked_scores));
  const Tensor best_box = scores.argmax(2).gather(1, contrast.classes.t()).t();
  const Tensor rows = asked.expand_as(best_box);
  const Tensor boxes = at::where(rows < 0, best_box, rows);
  compare_with(contrast, settings, scores.size(1), [&](int64_t t) { return in_boxes(boxes[t]); });
  return std::make_shared<BoxTarget>(contrast, boxes, settings.named);
}

}  // namespace lrp
