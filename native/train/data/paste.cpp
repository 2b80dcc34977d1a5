#include "paste.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "../../error.h"

namespace lrp {

PastePlace draw_place(const Patch& patch, const Tensor& images, Random& random) {
  const bool inside = random.below(2) == 1;
  if (patch.place) return {inside, (*patch.place)[0], (*patch.place)[1]};
  const auto along = [&](int64_t axis) {
    return random.below(std::max<int64_t>(1, images.size(axis + 2) - patch.mask.size(axis) + 1));
  };
  const int64_t top = along(0);
  return {inside, top, along(1)};
}

Tensor pasted(const Tensor& images, const Patch& patch, const std::vector<PastePlace>& places) {
  const Tensor mask = patch.mask.to(images.device()).gt(0).unsqueeze(0);
  Tensor pixels = patch.pixels.to(images.options());
  if (images.is_floating_point()) pixels = pixels / 255;
  const int64_t height = mask.size(1), width = mask.size(2);
  Tensor result = images.clone();
  for (size_t i = 0; i < places.size(); ++i) {
    const auto& [inside, top, left] = places[i];
    if (!inside) continue;
    if (pixels.size(0) != images.size(1) || top + height > images.size(2) || left + width > images.size(3)) {
      throw Error("INVALID_ARGUMENT", "the patch to insert is larger than the images");
    }
    const Tensor under = result[static_cast<int64_t>(i)].narrow(1, top, height).narrow(2, left, width);
    under.copy_(at::where(mask, pixels, under));
  }
  return result;
}

}  // namespace lrp
