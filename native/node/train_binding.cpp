#include "train_binding.h"

#include <ATen/ATen.h>

#include "async.h"
#include "image_stream.h"
#include "process_group_binding.h"
#include "reporter.h"
#include "train_fields.h"

namespace lrp::node {

namespace {

/// However a run ends, what was derived from the old weights is dropped.
struct WeightsChange {
  Model& model;
  explicit WeightsChange(Model& changed) : model(changed) {}
  WeightsChange(const WeightsChange&) = delete;
  WeightsChange& operator=(const WeightsChange&) = delete;
  ~WeightsChange() { model.weights_changed(); }
};

/// Sends reports to JavaScript's thread.
template <typename Report>
std::function<void(Report)> sender(const std::shared_ptr<Reporter>& reporter) {
  return [reporter](Report report) {
    auto held = std::make_shared<Report>(std::move(report));
    reporter->send([held](Napi::Env env) { return write(env, *held).template As<Napi::Object>(); });
  };
}

}  // namespace

Napi::Value train_async(const Napi::CallbackInfo& info, std::shared_ptr<Model> model, Napi::Value weights_owner) {
  const auto run = info[2].As<Napi::Object>();
  const auto cancel = CancelHandle::token_of(run);
  const auto reporter = std::make_shared<Reporter>(info.Env(), run.Get("onEvent").As<Napi::Function>(), cancel);
  const auto data = info[0].As<Napi::Object>();
  return run_async(info.Env(), {data, info[1], run, weights_owner},
                   [model, train = samples_from(data.Get("train"), "the training split", cancel),
                    valid = samples_from(data.Get("valid"), "the validation split", cancel),
                    options = read<TrainOptions>(info[1], "the training options"),
                    start = read<std::optional<TrainStart>>(run.Get("start"), "the start of the run"),
                    group = ProcessGroupHandle::group_of(run), reporter, cancel]() -> Finish {
                     const std::unique_lock<std::shared_mutex> lock(model->weights_mutex());
                     const Precision precision("fp32", model->device());
                     const TrainCallbacks callbacks{sender<BatchReport>(reporter), sender<EpochReport>(reporter)};
                     const WeightsChange change(*model);
                     const auto result = std::make_shared<TrainResult>(lrp::train(
                         model->graph(), model->device(), train, valid, options, start, group, callbacks, *cancel));
                     return [result](Napi::Env env) { return write(env, *result); };
                   });
}

Napi::Value initialise_parameters(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto wanted = read<std::vector<InitialValue>>(info[0], "the parameters");
    const auto seed = read<uint64_t>(info[1], "the seed");
    return run_async(info.Env(), {}, [wanted, seed]() -> Finish {
      auto tensors = std::make_shared<std::map<std::string, Tensor>>(initialise(wanted, seed));
      return [tensors](Napi::Env env) { return write(env, *tensors); };
    });
  });
}

}  // namespace lrp::node
