#include "train_binding.h"

#include <ATen/ATen.h>

#include <limits>

#include "../error.h"
#include "../train/initialise.h"
#include "async.h"
#include "fields.h"
#include "image_stream.h"
#include "model_binding.h"
#include "reporter.h"
#include "train_options.h"
#include "values.h"

namespace lrp {

constexpr auto fields(const InitialValue*) {
  return std::make_tuple(node::field("name", &InitialValue::name), node::field("shape", &InitialValue::shape),
                         node::field("bound", &InitialValue::bound), node::field("value", &InitialValue::value));
}

}  // namespace lrp

namespace lrp::node {

namespace {

Position position_from(const Napi::Object& o) {
  Position p;
  p.epoch = integer_from(o, "epoch", 0);
  p.batch = integer_from(o, "batch", 0);
  p.step = integer_from(o, "step", 0);
  p.loss_sum = number_from(o, "lossSum", 0);
  p.correct = number_from(o, "correct", 0);
  p.seen = number_from(o, "seen", 0);
  p.best_loss = number_from(o, "bestLoss", p.best_loss);
  p.best_accuracy = number_from(o, "bestAccuracy", p.best_accuracy);
  p.best_epoch = integer_from(o, "bestEpoch", 0);
  p.epochs_since_best = integer_from(o, "epochsSinceBest", 0);
  p.plateau.factor = number_from(o, "plateauFactor", 1);
  p.plateau.best = number_from(o, "plateauBest", p.plateau.best);
  p.plateau.bad_epochs = integer_from(o, "plateauBadEpochs", 0);
  return p;
}

Napi::Object numbers(Napi::Env env, const std::vector<std::pair<const char*, double>>& values) {
  auto object = Napi::Object::New(env);
  for (const auto& [name, value] : values) object[name] = Napi::Number::New(env, value);
  return object;
}

double number(int64_t value) { return static_cast<double>(value); }

Napi::Object to_object(Napi::Env env, const Position& p) {
  return numbers(env, {{"epoch", number(p.epoch)},
                       {"batch", number(p.batch)},
                       {"step", number(p.step)},
                       {"lossSum", p.loss_sum},
                       {"correct", p.correct},
                       {"seen", p.seen},
                       {"bestLoss", p.best_loss},
                       {"bestAccuracy", p.best_accuracy},
                       {"bestEpoch", number(p.best_epoch)},
                       {"epochsSinceBest", number(p.epochs_since_best)},
                       {"plateauFactor", p.plateau.factor},
                       {"plateauBest", p.plateau.best},
                       {"plateauBadEpochs", number(p.plateau.bad_epochs)}});
}

using Tensors = std::map<std::string, Tensor>;

Napi::Object raw_tensors(Napi::Env env, const Tensors& tensors) {
  auto object = Napi::Object::New(env);
  for (const auto& [name, tensor] : tensors) object[name] = raw_tensor(env, tensor);
  return object;
}

/// The tensors of a snapshot whose names begin with `prefix`, without it.
Napi::Object part_of(Napi::Env env, const Tensors& state, const std::string& prefix) {
  Tensors part;
  for (const auto& [name, tensor] : state) {
    if (name.rfind(prefix, 0) == 0) part[name.substr(prefix.size())] = tensor;
  }
  return raw_tensors(env, part);
}

Napi::Object snapshot_object(Napi::Env env, const Tensors& state, const Position& position) {
  auto object = Napi::Object::New(env);
  object["weights"] = part_of(env, state, "weights/");
  object["optimizer"] = part_of(env, state, "optimizer/");
  object["position"] = to_object(env, position);
  return object;
}

Tensors named_tensors(const Napi::Object& object) {
  Tensors result;
  const Napi::Array names = object.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).As<Napi::String>();
    result[name] = tensor_over(object.Get(name), name);
  }
  return result;
}

Napi::Object to_object(Napi::Env env, const Progress& report) {
  auto object = numbers(env, {{"epoch", number(report.epoch + 1)},
                              {"batch", number(report.batch)},
                              {"batches", number(report.batches)},
                              {"loss", report.score.loss},
                              {"accuracy", report.score.accuracy},
                              {"imagesPerSecond", report.images_per_second}});
  object["kind"] = Napi::String::New(env, "batch");
  return object;
}

Napi::Object to_object(Napi::Env env, const EpochReport& report) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  auto object = numbers(env, {{"epoch", number(report.epoch)},
                              {"trainLoss", report.train.loss},
                              {"trainAccuracy", report.train.accuracy},
                              {"validLoss", report.validated ? report.valid.loss : none},
                              {"validAccuracy", report.validated ? report.valid.accuracy : none},
                              {"learningRate", report.learning_rate},
                              {"imagesPerSecond", report.images_per_second},
                              {"seconds", report.seconds}});
  object["kind"] = Napi::String::New(env, "epoch");
  object["best"] = Napi::Boolean::New(env, report.best);
  object["snapshot"] = snapshot_object(env, report.state, report.position);
  return object;
}

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
    const auto cancel = CancelHandle::token_of(options);
    auto reporter = std::make_shared<Reporter>(info.Env(), options.Get("onEvent").As<Napi::Function>(), cancel);
    Tensors state;
    Position position;
    if (options.Get("state").IsObject()) {
      const auto kept = options.Get("state").As<Napi::Object>();
      position = position_from(object_from(kept, "position"));
      state = named_tensors(object_from(kept, "optimizer"));
    }
    const auto model = handle->model();
    return run_async(
        info.Env(), {info[0], data, options, handle->weights_owner(info.Env())},
        [model, train = streamed(samples_from(data, "train"), data, "train", cancel),
         valid = streamed(samples_from(data, "valid"), data, "valid", cancel),
         settings = train_options_from(options, model->graph()), reporter, state, position, cancel]() -> Finish {
          const std::unique_lock<std::shared_mutex> lock(model->weights_mutex());
          const TrainCallbacks callbacks{[&](const Progress& report) {
                                           reporter->send([report](Napi::Env env) { return to_object(env, report); });
                                         },
                                         [&](EpochReport report) {
                                           auto held = std::make_shared<EpochReport>(std::move(report));
                                           reporter->send([held](Napi::Env env) { return to_object(env, *held); });
                                         }};
          const WeightsChange change(*model);
          const auto result = std::make_shared<TrainResult>(
              lrp::train(model->graph(), model->device(), train, valid, settings, position, state, callbacks, *cancel));
          return [result](Napi::Env env) -> Napi::Value {
            auto object = Napi::Object::New(env);
            object["completed"] = Napi::Boolean::New(env, result->reason != "cancelled");
            object["reason"] = Napi::String::New(env, result->reason);
            object["snapshot"] = snapshot_object(env, result->state, result->position);
            return object;
          };
        });
  });
}

Napi::Value initialise_parameters(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto wanted = read<std::vector<InitialValue>>(info[0], "the parameters");
    const auto seed = read<uint64_t>(info[1], "the seed");
    return run_async(info.Env(), {}, [wanted, seed]() -> Finish {
      auto tensors = std::make_shared<Tensors>(initialise(wanted, seed));
      return [tensors](Napi::Env env) -> Napi::Value { return write(env, *tensors); };
    });
  });
}

}  // namespace lrp::node
