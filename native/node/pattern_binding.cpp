#include "pattern_binding.h"

#include <shared_mutex>

#include "../error.h"
#include "async.h"
#include "fields.h"
#include "model_binding.h"
#include "pass_thread.h"
#include "values.h"

namespace lrp::node {

Napi::Function PatternFitterHandle::define(Napi::Env env) {
  return DefineClass(
      env, "PatternFitter",
      {InstanceMethod<&PatternFitterHandle::add>("add"), InstanceMethod<&PatternFitterHandle::finish>("finish")});
}

PatternFitterHandle::PatternFitterHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PatternFitterHandle>(info) {
  guarded(info.Env(), [&]() -> Napi::Value {
    const auto* handle = Napi::ObjectWrap<ModelHandle>::Unwrap(info[0].As<Napi::Object>());
    state_ = std::make_shared<State>(handle->model(), read<bool>(info[1], "positiveOnly"));
    model_ = Napi::Persistent(info[0].As<Napi::Object>());
    return info.Env().Undefined();
  });
}

Napi::Value PatternFitterHandle::add(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    return run_pass(info.Env(), {info.This(), info[0], model_.Value()},
                    [state = state_, input = tensor_copy(info[0], "the input")]() -> Finish {
                      const std::shared_lock<std::shared_mutex> weights(state->model->weights_mutex());
                      const std::lock_guard<std::mutex> lock(state->mutex);
                      if (!state->graph) {
                        state->graph = state->model->explained();
                        state->fitter.emplace(*state->graph, state->positive_only);
                      }
                      const Precision precision = state->model->precision();
                      state->fitter->add(state->model->prepare(input));
                      return [](Napi::Env env) -> Napi::Value { return env.Undefined(); };
                    });
  });
}

Napi::Value PatternFitterHandle::finish(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    return run_async(info.Env(), {info.This(), model_.Value()}, [state = state_]() -> Finish {
      const std::lock_guard<std::mutex> lock(state->mutex);
      if (!state->fitter) throw Error("INVALID_ARGUMENT", "patterns cannot be fitted, because no images were given");
      const auto patterns = state->fitter->finish();
      return [patterns](Napi::Env env) { return write(env, patterns); };
    });
  });
}

}  // namespace lrp::node
