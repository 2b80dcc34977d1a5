#include <ATen/ATen.h>

#include "../../error.h"
#include "target.h"

namespace lrp {

namespace {

[[noreturn]] void refuse(const Tensor& output, const std::string& why) {
  throw Error("UNSUPPORTED", "the model's output has shape " + c10::str(output.sizes()) + ": " + why);
}

}  // namespace

Tensor Target::scores(const Tensor& output) const {
  std::vector<Tensor> rows;
  for (int64_t t = 0; t < explanations(); ++t) rows.push_back(score(output, t));
  return at::stack(rows);
}

Targets choose_target(const TargetSettings& settings, const Tensor& output, at::IntArrayRef input_sizes) {
  if (settings.seed) return given_target(*settings.seed, output);
  if (settings.reference) return similarity_target(*settings.reference, output);
  if (settings.boxes) {
    if (output.dim() != 3) refuse(output, "option 'box' needs an output [batch, 4 + classes, boxes]");
    return box_target(settings, output);
  }
  if (output.dim() == 2) {
    if (settings.region) refuse(output, "option 'region' needs an output [batch, classes, height, width]");
    return class_target(settings, output);
  }
  if (output.dim() == 3 && !settings.region) {
    refuse(output,
           "pass option 'box' (best, or a number) for a detection head, or option 'region' for an output "
           "[batch, classes, length]");
  }
  if (output.dim() < 3) refuse(output, "an explanation needs logits of shape [batch, classes]");
  return region_target(settings, output, input_sizes);
}

}  // namespace lrp
