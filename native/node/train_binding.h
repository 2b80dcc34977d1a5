#pragma once
#include <napi.h>

#include <memory>

#include "../model.h"

namespace lrp::node {

/// model.train(data, options, run): see NativeModel in src/native/addon.ts.
Napi::Value train_async(const Napi::CallbackInfo& info, std::shared_ptr<Model> model, Napi::Value weights_owner);

/// initialise(parameters, seed)
Napi::Value initialise_parameters(const Napi::CallbackInfo& info);

}  // namespace lrp::node
