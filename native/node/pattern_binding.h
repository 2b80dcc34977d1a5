#pragma once
#include <napi.h>

#include <memory>
#include <mutex>
#include <optional>

#include "../attribution/patterns.h"
#include "../model.h"

namespace lrp::node {

/// JavaScript's PatternFitter: new PatternFitter(model, positiveOnly), add(input), finish().
class PatternFitterHandle : public Napi::ObjectWrap<PatternFitterHandle> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit PatternFitterHandle(const Napi::CallbackInfo& info);

 private:
  Napi::Value add(const Napi::CallbackInfo& info);
  Napi::Value finish(const Napi::CallbackInfo& info);

  /// The fitter with all it works on; batches are added one after the other, from any thread.
  struct State {
    std::shared_ptr<Model> model;
    bool positive_only;
    std::mutex mutex;
    std::shared_ptr<const Graph> graph;  // as it was when the first batch came
    std::optional<PatternFitter> fitter;
    State(std::shared_ptr<Model> m, bool positive) : model(std::move(m)), positive_only(positive) {}
  };
  std::shared_ptr<State> state_;
  Napi::ObjectReference model_;
};

}  // namespace lrp::node
