#pragma once
#include <napi.h>

#include <memory>
#include <mutex>

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

  /// The fitter with all it works on; batches are added one after the other.
  struct State {
    std::shared_ptr<Model> model;
    std::shared_ptr<const Graph> graph;
    PatternFitter fitter;
    std::mutex mutex;
    State(std::shared_ptr<Model> m, bool positive_only)
        : model(std::move(m)), graph(model->explained()), fitter(*graph, positive_only) {}
  };
  std::shared_ptr<State> state_;
  Napi::ObjectReference model_;
};

}  // namespace lrp::node
