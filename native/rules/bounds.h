#pragma once
#include <string>

#include "../ops/attributes.h"

namespace lrp {

/// The setting `name` (low, high), one number or one per channel, as a tensor shaped like one image of x. Throws
/// INVALID_ARGUMENT where it is missing or has another number of channels.
Tensor bound_of_input(const Attributes& settings, const std::string& name, const Tensor& x);

}  // namespace lrp
