#include "train_binding.h"

#include <ATen/ATen.h>

#include <chrono>

#include "../error.h"
#include "../train/initialise.h"
#include "../train/trainer.h"
#include "async.h"
#include "model_binding.h"
#include "values.h"

namespace lrp::node {

namespace {

LabelledImages images_from(const Napi::Object& data, const char* name) {
  const Napi::Value value = data.Get(name);
  if (!value.IsObject()) return {};
  const auto split = value.As<Napi::Object>();
  return {tensor_over(split.Get("images"), std::string(name) + " images"),
          tensor_over(split.Get("labels"), std::string(name) + " labels")};
}

TrainOptions options_from(const Napi::Object& o) {
  TrainOptions options;
  options.loss = text_from(o, "loss", options.loss);
  options.optimizer = {text_from(o, "optimizer", "adam"), number_from(o, "learningRate", 1e-3),
                       number_from(o, "momentum", 0), number_from(o, "weightDecay", 0)};
  options.epochs = static_cast<int64_t>(number_from(o, "epochs", 5));
  options.batch_size = static_cast<int64_t>(number_from(o, "batchSize", 64));
  options.seed = static_cast<uint64_t>(number_from(o, "seed", 0));
  options.scale = number_from(o, "scale", 1);
  const Attributes lists = attributes_from(o.Get("normalise"));
  options.mean = lists.numbers("mean");
  options.std = lists.numbers("std");
  return options;
}

Position position_from(const Napi::Object& o) {
  return {static_cast<int64_t>(number_from(o, "epoch", 0)), static_cast<int64_t>(number_from(o, "batch", 0)),
          number_from(o, "lossSum", 0), static_cast<int64_t>(number_from(o, "correct", 0))};
}

Napi::Object to_object(Napi::Env env, const Position& position) {
  auto object = Napi::Object::New(env);
  object["epoch"] = Napi::Number::New(env, static_cast<double>(position.epoch));
  object["batch"] = Napi::Number::New(env, static_cast<double>(position.batch));
  object["lossSum"] = Napi::Number::New(env, position.loss_sum);
  object["correct"] = Napi::Number::New(env, static_cast<double>(position.correct));
  return object;
}

using Tensors = std::map<std::string, Tensor>;

Tensors copies(const Tensors& tensors) {
  Tensors result;
  for (const auto& [name, tensor] : tensors) result[name] = tensor.detach().cpu().clone();
  return result;
}

Napi::Object raw_tensors(Napi::Env env, const Tensors& tensors) {
  auto object = Napi::Object::New(env);
  for (const auto& [name, tensor] : tensors) object[name] = raw_tensor(env, tensor);
  return object;
}

/// What a run leaves at the end of an epoch or where it was stopped.
struct Snapshot {
  Tensors weights, optimizer;
  Position position;

  Snapshot(const Graph& graph, Trainer& trainer)
      : weights(copies(graph.tensors())), optimizer(copies(trainer.optimizer().state())), position(trainer.position) {}

  Napi::Object to_object(Napi::Env env) const {
    auto object = Napi::Object::New(env);
    object["weights"] = raw_tensors(env, weights);
    object["optimizer"] = raw_tensors(env, optimizer);
    object["position"] = lrp::node::to_object(env, position);
    return object;
  }
};

Napi::Object to_object(Napi::Env env, const BatchReport& report) {
  auto object = Napi::Object::New(env);
  object["kind"] = Napi::String::New(env, "batch");
  object["epoch"] = Napi::Number::New(env, static_cast<double>(report.epoch));
  object["batch"] = Napi::Number::New(env, static_cast<double>(report.batch));
  object["batches"] = Napi::Number::New(env, static_cast<double>(report.batches));
  object["loss"] = Napi::Number::New(env, report.loss);
  object["accuracy"] = Napi::Number::New(env, report.accuracy);
  return object;
}

Napi::Object to_object(Napi::Env env, const EpochReport& report) {
  auto object = Napi::Object::New(env);
  object["kind"] = Napi::String::New(env, "epoch");
  object["epoch"] = Napi::Number::New(env, static_cast<double>(report.epoch));
  object["trainLoss"] = Napi::Number::New(env, report.train_loss);
  object["trainAccuracy"] = Napi::Number::New(env, report.train_accuracy);
  object["validLoss"] = Napi::Number::New(env, report.valid_loss);
  object["validAccuracy"] = Napi::Number::New(env, report.valid_accuracy);
  object["seconds"] = Napi::Number::New(env, report.seconds);
  return object;
}

/// Calls a JavaScript function from the training thread; ends with the run.
class Reporter {
 public:
  Reporter(Napi::Env env, const Napi::Function& callback)
      : function_(Napi::ThreadSafeFunction::New(env, callback, "lrp-native training", 0, 1)) {}
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;
  ~Reporter() { function_.Release(); }

  void send(std::function<Napi::Object(Napi::Env)> make) {
    auto* made = new std::function<Napi::Object(Napi::Env)>(std::move(make));
    const auto status = function_.NonBlockingCall(made, [](Napi::Env env, Napi::Function callback, decltype(made) held) {
      const std::unique_ptr<std::function<Napi::Object(Napi::Env)>> owned(held);
      if (env != nullptr && callback) callback.Call({(*owned)(env)});
    });
    if (status != napi_ok) delete made;
  }

  /// Ten times a second is enough for a progress bar.
  void send_batch(const BatchReport& report) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    send([report](Napi::Env env) { return to_object(env, report); });
  }

 private:
  Napi::ThreadSafeFunction function_;
  std::chrono::steady_clock::time_point last_{};
};

/// However a run ends, what was derived from the old weights is dropped.
struct WeightsChange {
  Model& model;
  explicit WeightsChange(Model& changed) : model(changed) {}
  WeightsChange(const WeightsChange&) = delete;
  WeightsChange& operator=(const WeightsChange&) = delete;
  ~WeightsChange() { model.weights_changed(); }
};

}  // namespace

Napi::Value train(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto* handle = Napi::ObjectWrap<ModelHandle>::Unwrap(info[0].As<Napi::Object>());
    const auto data = info[1].As<Napi::Object>();
    const auto options = info[2].As<Napi::Object>();
    auto reporter = std::make_shared<Reporter>(info.Env(), options.Get("onEvent").As<Napi::Function>());
    Tensors optimizer_state;
    Position position;
    if (options.Get("state").IsObject()) {
      const auto state = options.Get("state").As<Napi::Object>();
      position = position_from(state.Get("position").As<Napi::Object>());
      const auto tensors = state.Get("optimizer").As<Napi::Object>();
      const Napi::Array names = tensors.GetPropertyNames();
      for (uint32_t i = 0; i < names.Length(); ++i) {
        const std::string name = names.Get(i).As<Napi::String>();
        optimizer_state[name] = tensor_over(tensors.Get(name), name);
      }
    }
    return run_async(
        info.Env(), {info[0], data, options, handle->weights_owner(info.Env())},
        [model = handle->model(), train = images_from(data, "train"), valid = images_from(data, "valid"),
         settings = options_from(options), reporter, optimizer_state, position,
         cancel = CancelHandle::token_of(options)]() -> Finish {
          const std::unique_lock<std::shared_mutex> lock(model->weights_mutex());
          const Graph& graph = model->graph();
          Trainer trainer(graph, model->device(), train, valid, settings);
          trainer.position = position;
          if (!optimizer_state.empty()) trainer.optimizer().restore(optimizer_state);
          const Trainer::Callbacks callbacks{
              [&](const BatchReport& report) { reporter->send_batch(report); },
              [&](const EpochReport& report) {
                auto snapshot = std::make_shared<Snapshot>(graph, trainer);
                reporter->send([report, snapshot](Napi::Env env) {
                  auto object = to_object(env, report);
                  object["snapshot"] = snapshot->to_object(env);
                  return object;
                });
              }};
          const WeightsChange change(*model);
          const bool completed = trainer.run(callbacks, *cancel);
          auto snapshot = std::make_shared<Snapshot>(graph, trainer);
          return [completed, snapshot](Napi::Env env) -> Napi::Value {
            auto object = Napi::Object::New(env);
            object["completed"] = Napi::Boolean::New(env, completed);
            object["snapshot"] = snapshot->to_object(env);
            return object;
          };
        });
  });
}

Napi::Value initialise_parameters(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto list = info[0].As<Napi::Array>();
    std::vector<InitialValue> wanted;
    for (uint32_t i = 0; i < list.Length(); ++i) {
      const auto one = list.Get(i).As<Napi::Object>();
      wanted.push_back({text_from(one, "name", ""), integers_from(one.Get("shape"), "shape"),
                        number_from(one, "bound", 0), number_from(one, "value", 0)});
    }
    const auto seed = static_cast<uint64_t>(info[1].ToNumber().DoubleValue());
    return run_async(info.Env(), {}, [wanted, seed]() -> Finish {
      auto tensors = std::make_shared<Tensors>(initialise(wanted, seed));
      return [tensors](Napi::Env env) -> Napi::Value { return raw_tensors(env, *tensors); };
    });
  });
}

}  // namespace lrp::node
