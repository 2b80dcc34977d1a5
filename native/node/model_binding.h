#pragma once
#include <napi.h>

#include <map>
#include <memory>
#include <string>

#include "../model.h"

namespace lrp::node {

/// JavaScript's Model: one handle to one lrp::Model. Methods return promises and run off the event loop.
class ModelHandle : public Napi::ObjectWrap<ModelHandle> {
 public:
  /// The class, with its static `create(graph, tensors, device)`.
  static Napi::Function define(Napi::Env env);
  /// For tests: attribute(model, passes, options) on the network as it is.
  static Napi::Value attribute_plain(const Napi::CallbackInfo& info);
  explicit ModelHandle(const Napi::CallbackInfo& info);

  /// The model behind a JavaScript handle. Throws DISPOSED after dispose().
  std::shared_ptr<Model> model() const;
  /// JavaScript values that must outlive a running job: the buffers that the weights lie in.
  Napi::Value weights_owner(Napi::Env env) const;

 private:
  static Napi::Value create(const Napi::CallbackInfo& info);
  Napi::Value with_graph(const Napi::CallbackInfo& info);
  Napi::Value forward(const Napi::CallbackInfo& info);
  Napi::Value folded(const Napi::CallbackInfo& info);
  Napi::Value forward_changes(const Napi::CallbackInfo& info);
  Napi::Value passes_for(const Napi::CallbackInfo& info);
  Napi::Value attribute(const Napi::CallbackInfo& info);
  Napi::Value train(const Napi::CallbackInfo& info);
  Napi::Value tensors(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  Napi::Value device(const Napi::CallbackInfo& info);
  /// JavaScript's arrays of bytes that the model computes with, by the names of the weights.
  std::map<std::string, Napi::Reference<Napi::Uint8Array>> arrays_in_use() const;

  std::shared_ptr<Model> model_;
  Napi::ObjectReference weights_;
};

/// What the addon keeps per environment (main thread, each worker).
struct AddonData {
  Napi::FunctionReference model_class;
};

}  // namespace lrp::node
