#include "linear_rule.h"

#include <ATen/ATen.h>

#include "../error.h"
#include "../graph/image_sums.h"

namespace lrp {

namespace {
const LinearMap& linear_map(const Layer& layer, const std::shared_ptr<const LinearMap>& held) {
  if (const LinearMap* map = layer.op.linear()) return *map;
  if (held) return *held;
  throw Error("UNSUPPORTED", "this rule applies only to linear operations, such as linear layers and convolutions");
}
}  // namespace

LinearLayer::LinearLayer(const Layer& layer, const ReachedRows* rows)
    : layer_(layer),
      rows_(rows),
      x_(rows ? rows->select(layer.inputs[0]) : layer.inputs[0]),
      output_(rows ? rows->select(layer.output) : layer.output),
      held_(layer.op.linear() ? nullptr : layer.op.linear_at(layer.inputs)),
      map_(linear_map(layer, held_)) {}

Tensor LinearLayer::z(bool with_bias) const {
  if (with_bias) return output_;
  const Tensor bias = map_.bias_like_output(Part::full());
  return bias.defined() ? output_ - bias : output_;
}

Tensor LinearLayer::positive_z(bool with_bias) const {
  Tensor result = forward(x_positive(), Part::positive(), with_bias);
  if (!nonnegative_input()) result.add_(forward(x_negative(), Part::negative(), false));
  return result;
}

Tensor LinearLayer::negative_z(bool with_bias) const {
  Tensor result = forward(x_positive(), Part::negative(), with_bias);
  if (!nonnegative_input()) result.add_(forward(x_negative(), Part::positive(), false));
  return result;
}

bool LinearLayer::has_few_contributions() const {
  constexpr int64_t kFew = 16;
  const Tensor w = weight();
  return w.defined() && w.numel() / w.size(0) <= kFew;
}

void LinearLayer::absorb(const Tensor& s, Part part) const {
  if (!layer_.absorbed) return;
  const Tensor bias = map_.bias_like_output(part);
  if (!bias.defined() || layer_.output_layout.axis == BatchLayout::kNone) return;
  const Tensor whole = rows_ ? rows_->spread(s, layer_.output.sizes()) : s;
  const Tensor share = weighted_sums_of_images(whole, bias, layer_.output_layout, layer_.images);
  Tensor& total = layer_.absorbed->by_bias;
  total = total.defined() ? total + share : share;
}

Rule linear_rule(std::function<Tensor(const LinearLayer&, const Tensor&)> formula, bool multiplies_by_input) {
  return {
      [formula = std::move(formula), multiplies_by_input](const Layer& layer, const Tensor& R) -> std::vector<Tensor> {
        const LinearMap* map = layer.op.linear();
        if (multiplies_by_input && map && map->maps_rows()) {
          if (const auto rows = ReachedRows::of(R)) {
            const Tensor reached = formula(LinearLayer(layer, &*rows), rows->select(R));
            return {rows->spread(reached, layer.inputs[0].sizes())};
          }
        }
        return {formula(LinearLayer(layer), R)};
      },
      multiplies_by_input};
}

Tensor times(Tensor g, const Tensor& x) {
  return g.use_count() == 1 && g.is_non_overlapping_and_dense() ? g.mul_(x) : g * x;
}

}  // namespace lrp
