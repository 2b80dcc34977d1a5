#pragma once
#include <vector>

#include "../counter_random.h"
#include "augment.h"

namespace lrp {

/// Where a patch lies in one image, if it has one.
struct PastePlace {
  bool inside;
  int64_t top, left;
};

/// Whether one of the images [N, C, H, W] gets the patch, and where.
PastePlace draw_place(const Patch& patch, const Tensor& images, Random& random);

/// The images, bytes or floats from 0 to 1, with the patch pasted in. Throws INVALID_ARGUMENT where it does not fit.
Tensor pasted(const Tensor& images, const Patch& patch, const std::vector<PastePlace>& places);

}  // namespace lrp
