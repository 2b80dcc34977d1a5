#pragma once
#include <napi.h>

namespace lrp::node {

/// arrangeImage(bytes, { height, width, channels, planar, resize?, interpolation, crop? }, result, [channels, height,
/// width]): a promise that resolves once the result, bytes of that shape, is written.
Napi::Value arrange_image(const Napi::CallbackInfo& info);

}  // namespace lrp::node
