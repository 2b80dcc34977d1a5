#pragma once
#include <napi.h>

#include <memory>

#include "../model.h"

namespace lrp::node {

/// Model.attribute(passes, { cancel }): see AttributePass in src/native/attribute-types.ts. `plain`: the network as it
/// is, batch norms unfolded and in the usual memory layout.
Napi::Value attribute_async(Napi::Env env, std::shared_ptr<Model> model, Napi::Value weights_owner, Napi::Value passes,
                            Napi::Object options, bool plain);

/// explainLayer(call): see LayerCall in src/native/addon.ts.
Napi::Value explain_layer(const Napi::CallbackInfo& info);

}  // namespace lrp::node
