#include "changes.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "../error.h"
#include "../finite.h"

namespace lrp {

void Changes::check() const {
  const bool types = images.scalar_type() == at::kFloat && owners.scalar_type() == at::kInt &&
                     ends.scalar_type() == at::kInt && places.scalar_type() == at::kInt &&
                     values.scalar_type() == at::kFloat;
  const bool counts = types && images.dim() > 1 && images.numel() > 0 && steps() > 0 && ends.numel() == steps() &&
                      places.numel() == values.numel() && end(steps() - 1) == places.numel();
  if (!counts) throw Error("INVALID_ARGUMENT", "the lists of changed pixels do not match the images");
  bool inside = owner(0) == 0 && owner(steps() - 1) == images.size(0) - 1;
  for (int64_t step = 0; step < steps(); ++step) {
    const int64_t further = step == 0 ? 0 : owner(step) - owner(step - 1);
    inside = inside && further >= 0 && further <= 1 && end(step) >= begin(step);
  }
  const int32_t* place = ints(places);
  const int64_t count = places.numel(), most = size();
  for (int64_t i = 0; i < count; ++i) inside = inside && place[i] >= 0 && place[i] < most;
  if (!inside) throw Error("INVALID_ARGUMENT", "a changed pixel is outside its image");
  if (!all_finite(images) || !all_finite(values))
    throw Error("NUMERIC", "the input contains values that are not finite");
}

const float* ChangingImage::next() {
  const int64_t owner = changes_.owner(step_);
  if (step_ == 0 || owner != changes_.owner(step_ - 1)) image_ = changes_.images[owner].contiguous().clone();
  auto* image = image_.data_ptr<float>();
  const int32_t* places = Changes::ints(changes_.places);
  const auto* values = changes_.values.const_data_ptr<float>();
  const int64_t end = changes_.end(step_);
  for (int64_t i = changes_.begin(step_); i < end; ++i) image[places[i]] = values[i];
  ++step_;
  return image;
}

EffectiveSteps effective_steps(const Changes& all) {
  std::vector<int32_t> owners, ends, places;
  std::vector<float> values;
  std::vector<int64_t> same_as;
  const int32_t *place = Changes::ints(all.places), *end = Changes::ints(all.ends);
  const auto* value = all.values.const_data_ptr<float>();
  const int64_t size = all.size(), steps = all.steps();
  Tensor images = all.images.contiguous().clone();
  int32_t i = 0;
  for (int64_t step = 0; step < steps; ++step) {
    const int64_t owner = all.owner(step);
    float* image = images.data_ptr<float>() + owner * size;
    const size_t before = places.size();
    for (; i < end[step]; ++i) {
      float& number = image[place[i]];
      if (std::memcmp(&number, value + i, sizeof(float)) == 0) continue;
      number = value[i];
      places.push_back(place[i]);
      values.push_back(value[i]);
    }
    const bool is_first = step == 0 || owner != all.owner(step - 1);
    if (is_first || places.size() > before) {
      owners.push_back(static_cast<int32_t>(owner));
      ends.push_back(static_cast<int32_t>(places.size()));
    }
    same_as.push_back(static_cast<int64_t>(owners.size()) - 1);
  }
  return {{all.images, at::tensor(owners), at::tensor(ends), at::tensor(places, at::kInt),
           at::tensor(values, at::kFloat), all.inputs},
          at::tensor(same_as)};
}

}  // namespace lrp
