#pragma once
#include <napi.h>

namespace lrp::node {

/// train(model, data, options) and initialise(parameters, seed): see src/native/train-types.ts.
Napi::Value train(const Napi::CallbackInfo& info);
Napi::Value initialise_parameters(const Napi::CallbackInfo& info);

}  // namespace lrp::node
