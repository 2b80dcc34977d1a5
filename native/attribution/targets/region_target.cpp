#include <ATen/ATen.h>

#include "../../error.h"
#include "selection.h"

namespace lrp {

namespace {

/// A class's logits within a region of a dense output [batch, classes, ...space].
class RegionTarget : public Selection {
 public:
  RegionTarget(const Contrast& contrast, const Tensor& inside) : contrast_(contrast) {
    classes = contrast.classes;
    against = contrast.against;
    regions = inside;
  }
  int64_t explanations() const override { return classes.size(0); }
  Targets of_image(int64_t image) const override {
    return std::make_shared<RegionTarget>(contrast_.of_image(image), regions.narrow(1, image, 1));
  }

 protected:
  Tensor weights(const Tensor& output, int64_t t) const override {
    const Tensor like = at::empty({classes.size(1), output.size(1)}, output.options());
    std::vector<int64_t> shape{like.size(0), like.size(1)};
    shape.resize(static_cast<size_t>(output.dim()), 1);
    return class_weights(contrast_, t, like).view(shape) * regions[t].unsqueeze(1);
  }

 private:
  Contrast contrast_;
};

/// Whether the network says each class, [batch, classes, ...space]: one class per position, or those with positive
/// logits where classes are independent.
Tensor predicted(const Tensor& output, bool independent) {
  if (independent || output.size(1) == 1) return output > 0;
  return at::zeros_like(output, at::kBool).scatter_(1, output.argmax(1, true), true);
}

/// [batch, ...space]
Tensor at_point(const std::vector<int64_t>& point, const Tensor& output, at::IntArrayRef input_sizes) {
  const auto axes = static_cast<int64_t>(point.size());
  if (axes != output.dim() - 2) {
    throw Error("INVALID_ARGUMENT", "option 'region': a position must have " + std::to_string(output.dim() - 2) +
                                        " coordinates, because the output has shape " + c10::str(output.sizes()));
  }
  const auto input = input_sizes.slice(input_sizes.size() - point.size());
  Tensor inside = at::zeros(output.sizes().slice(2), output.options().dtype(at::kBool)), place = inside;
  for (int64_t i = 0; i < axes; ++i) {
    const int64_t size = input[static_cast<size_t>(i)], value = point[static_cast<size_t>(i)];
    if (value < 0 || value >= size) {
      throw Error("INVALID_ARGUMENT", "option 'region': the position " + std::to_string(value) +
                                          " is outside the input of " + c10::str(input));
    }
    place = place.select(0, value * output.size(2 + i) / size);
  }
  place.fill_(true);
  return inside.unsqueeze(0);
}

Tensor resized(const Tensor& mask, const Tensor& output) {
  const bool fits = output.dim() == 4 && mask.dim() == 3 && (mask.size(0) == 1 || mask.size(0) == output.size(0));
  if (!fits) {
    throw Error("INVALID_ARGUMENT", "option 'region': a mask of shape " + c10::str(mask.sizes()) +
                                        " does not match an output of shape " + c10::str(output.sizes()));
  }
  const Tensor inside = mask.to(output.device(), at::kFloat).unsqueeze(1);
  return at::_upsample_nearest_exact2d(inside, output.sizes().slice(2)).squeeze(1) > 0;
}

/// The region that is the same for all classes, [batch, ...space] or [1, ...space]; undefined where each class has its
/// own.
Tensor common_region(const TargetSettings& settings, const Tensor& output, at::IntArrayRef input_sizes) {
  const Region region = settings.region.value_or(Region{"predicted", {}, {}});
  if (region.point) return at_point(*region.point, output, input_sizes);
  if (region.mask) return resized(*region.mask, output);
  if (region.name != "all") return {};
  std::vector<int64_t> shape{1};
  for (const int64_t axis : output.sizes().slice(2)) shape.push_back(axis);
  return at::ones(shape, output.options().dtype(at::kBool));
}

/// 1 inside, [explanations, batch, ...space].
Tensor inside_of(const Contrast& contrast, const Tensor& common, const Tensor& says, const Tensor& output) {
  const Tensor& rows = contrast.classes;
  std::vector<int64_t> shape{rows.size(0), output.size(0)};
  for (const int64_t axis : output.sizes().slice(2)) shape.push_back(axis);
  if (common.defined()) return common.unsqueeze(0).expand(shape);
  std::vector<Tensor> inside;
  const Tensor image = at::arange(output.size(0), rows.options());
  for (const Tensor& row : rows.unbind(0)) {
    if (contrast.single) {
      std::vector<int64_t> per_image(static_cast<size_t>(output.dim() - 1), 1);
      per_image[0] = row.size(0);
      inside.push_back(says.select(1, 0).eq(row.view(per_image)));
    } else {
      inside.push_back(says.index({image, row}));
    }
  }
  return at::stack(inside);
}

}  // namespace

/// Explains a class where the region lies. Without a class it is the one that the network says at most positions of the
/// region. The runner-up has the second highest mean logit inside the region.
Targets region_target(const TargetSettings& settings, const Tensor& output, at::IntArrayRef input_sizes) {
  const Tensor says = predicted(output, settings.independent);
  const Tensor common = common_region(settings, output, input_sizes);
  const Tensor counted = common.defined() ? says.logical_and(common.unsqueeze(1)) : says;
  Contrast contrast = chosen_classes(settings, counted.flatten(2).sum(2, false, at::kDouble));
  const Tensor inside = inside_of(contrast, common, says, output);
  compare_with(contrast, settings, output.size(1),
               [&](int64_t t) { return (output * inside[t].unsqueeze(1)).flatten(2).sum(2, false, at::kDouble); });
  return std::make_shared<RegionTarget>(contrast, inside);
}

}  // namespace lrp
