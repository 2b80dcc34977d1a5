#include <ATen/Parallel.h>
#include <c10/util/Logging.h>
#include <napi.h>
#include <torch/version.h>

#include <cstdlib>

#include "allocation_limit.h"
#include "attribution/methods/method.h"
#include "device.h"
#include "error.h"
#include "node/async.h"
#include "node/attribute_binding.h"
#include "node/graph_binding.h"
#include "node/image_binding.h"
#include "node/model_binding.h"
#include "node/pattern_binding.h"
#include "node/process_group_binding.h"
#include "node/rules_binding.h"
#include "node/train_binding.h"
#include "node/train_steps_binding.h"
#include "ops/op.h"
#include "precision.h"
#include "rules/rule.h"

// What JavaScript sees, all on one page; src/native/addon.ts holds the types.
namespace lrp::node {

namespace {

Napi::Value strings(Napi::Env env, const std::vector<std::string>& values) {
  auto list = Napi::Array::New(env, values.size());
  for (size_t i = 0; i < values.size(); ++i) list[static_cast<uint32_t>(i)] = Napi::String::New(env, values[i]);
  return list;
}

Napi::Value info(const Napi::CallbackInfo& info) {
  auto object = Napi::Object::New(info.Env());
  object["torchVersion"] = Napi::String::New(info.Env(), TORCH_VERSION);
  object["threads"] = Napi::Number::New(info.Env(), at::get_num_threads());
  object["builtWith"] = Napi::String::New(info.Env(), __VERSION__);
  return object;
}

Napi::Value enable_cuda(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const CudaState state = lrp::enable_cuda();
    auto object = Napi::Object::New(info.Env());
    object["available"] = Napi::Boolean::New(info.Env(), state.available);
    object["devices"] = strings(info.Env(), state.devices);
    if (!state.reason.empty()) object["reason"] = Napi::String::New(info.Env(), state.reason);
    if (!state.remedy.empty()) object["remedy"] = Napi::String::New(info.Env(), state.remedy);
    return object;
  });
}

Napi::Value set_threads(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const double count = info[0].ToNumber();
    if (!(count >= 1 && count <= 4096)) throw Error("INVALID_ARGUMENT", "the number of threads must be from 1 to 4096");
    at::set_num_threads(static_cast<int>(count));
    return info.Env().Undefined();
  });
}

Napi::Value ops(const Napi::CallbackInfo& info) { return strings(info.Env(), op_names()); }
Napi::Value rules(const Napi::CallbackInfo& info) { return strings(info.Env(), rule_names()); }
Napi::Value methods(const Napi::CallbackInfo& info) { return strings(info.Env(), method_names()); }

Napi::Value release(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    release_cache();
    return info.Env().Undefined();
  });
}

/// Ends the process without the destructors of libtorch, which take a tenth of a second.
Napi::Value leave(const Napi::CallbackInfo& info) { std::_Exit(info[0].ToNumber().Int32Value()); }

Napi::Object init(Napi::Env env, Napi::Object exports) {
  c10::initLogging();
  load_cuda();
  install_allocation_limit();
  auto* data = new AddonData();
  const Napi::Function model = ModelHandle::define(env);
  data->model_class = Napi::Persistent(model);
  env.SetInstanceData(data);
  exports["Model"] = model;
  exports["CancelToken"] = CancelHandle::define(env);
  exports["PatternFitter"] = PatternFitterHandle::define(env);
  exports["ResolvedRules"] = RulesHandle::define(env);
  exports["ProcessGroup"] = ProcessGroupHandle::define(env);
  exports["info"] = Napi::Function::New(env, info);
  exports["enableCuda"] = Napi::Function::New(env, enable_cuda);
  exports["setThreads"] = Napi::Function::New(env, set_threads);
  exports["ops"] = Napi::Function::New(env, ops);
  exports["rules"] = Napi::Function::New(env, rules);
  exports["methods"] = Napi::Function::New(env, methods);
  exports["arrangeImage"] = Napi::Function::New(env, arrange_image);
  exports["opRecord"] = Napi::Function::New(env, op_record);
  exports["inferShapes"] = Napi::Function::New(env, infer_shapes);
  exports["outputShape"] = Napi::Function::New(env, output_shape);
  exports["foldConstants"] = Napi::Function::New(env, fold_constants);
  exports["atenSchema"] = Napi::Function::New(env, aten_schema);
  exports["atenOverloads"] = Napi::Function::New(env, aten_overloads);
  exports["initialise"] = Napi::Function::New(env, initialise_parameters);
  auto testing = Napi::Object::New(env);
  testing["explainLayer"] = Napi::Function::New(env, explain_layer);
  testing["atenTables"] = Napi::Function::New(env, aten_tables);
  testing["trainingSteps"] = training_steps(env);
  testing["computesBf16"] = Napi::Boolean::New(env, cpu_computes_bf16());
  testing["attributePlain"] = Napi::Function::New(env, ModelHandle::attribute_plain);
  exports["testing"] = testing;
  exports["leave"] = Napi::Function::New(env, leave);
  exports["releaseCache"] = Napi::Function::New(env, release);
  return exports;
}

}  // namespace

NODE_API_MODULE(lrp_native, init)

}  // namespace lrp::node
