#include "graph_binding.h"

#include <ATen/ATen.h>

#include "../graph/fold_constants.h"
#include "../ops/aten_schema.h"
#include "async.h"
#include "values.h"

namespace lrp::node {

Napi::Value fold_constants(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto names = strings_from(info[2]);
    return run_async(info.Env(), {info[1]},
                     [spec = graph_from(info[0].As<Napi::Object>()), tensors = tensors_from(info[1].As<Napi::Object>()),
                      keep = std::set<std::string>(names.begin(), names.end())]() -> Finish {
                       auto results = lrp::fold_constants(spec, tensors, keep);
                       for (auto& [name, tensor] : results) tensor = tensor.contiguous().clone();
                       return [results](Napi::Env env) -> Napi::Value {
                         auto object = Napi::Object::New(env);
                         for (const auto& [name, tensor] : results) object[name] = raw_tensor(env, tensor);
                         return object;
                       };
                     });
  });
}

Napi::Value aten_overloads(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto object = Napi::Object::New(info.Env());
    for (const auto& [name, reason] : lrp::aten_overloads()) {
      object[name] = reason ? Napi::Value(Napi::String::New(info.Env(), *reason)) : info.Env().Null();
    }
    return object;
  });
}

}  // namespace lrp::node
