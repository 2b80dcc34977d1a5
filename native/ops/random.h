#pragma once
#include <ATen/core/Generator.h>

namespace lrp {

/// The source of randomness of this thread's training run (dropout): the trainer seeds it before every step, so that a
/// run depends on its seed alone, whatever else the process does. One per kind of device.
at::Generator& training_generator(c10::DeviceType device);

}  // namespace lrp
