#include "train_steps_binding.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "async.h"
#include "train_options.h"
#include "values.h"

namespace lrp::node {

namespace {

/// lossAndGradient(options, outputs, targets): the loss and its gradient with respect to the outputs.
Napi::Value loss_and_gradient(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Tensor output = tensor_copy(info[1], "the outputs").set_requires_grad(true);
    const Tensor targets = tensor_copy(info[2], "the targets");
    const Tensor loss = loss_of(loss_from(info[0].As<Napi::Object>()), output,
                                targets.is_floating_point() ? targets : targets.to(at::kLong));
    auto object = Napi::Object::New(info.Env());
    object["loss"] = Napi::Number::New(info.Env(), loss.item<double>());
    object["gradient"] = raw_tensor(info.Env(), torch::autograd::grad({loss}, {output})[0]);
    return object;
  });
}

/// optimizerSteps(options, parameter, gradients, factors): the parameter after each step.
Napi::Value optimizer_steps(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto options = info[0].As<Napi::Object>();
    const Tensor parameter = tensor_copy(info[1], "the parameter");
    const auto gradients = info[2].As<Napi::Array>();
    const auto factors = info[3].As<Napi::Array>();
    const ParameterGroup group{
        {"parameter"}, {parameter}, number_from(options, "learningRate", 1e-3), number_from(options, "weightDecay", 0)};
    Optimizer optimizer(optimizer_from(options), {group});
    auto list = Napi::Array::New(info.Env());
    for (uint32_t i = 0; i < gradients.Length(); ++i) {
      optimizer.step({tensor_copy(gradients[i], "a gradient")}, factors.Get(i).ToNumber().DoubleValue());
      list[i] = raw_tensor(info.Env(), parameter.clone());
    }
    return list;
  });
}

/// scheduleFactors(schedule, steps): the learning rate's factor at steps 0 to steps - 1.
Napi::Value schedule_factors(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const ScheduleOptions schedule = schedule_from(info[0].As<Napi::Object>());
    const auto steps = static_cast<uint32_t>(info[1].ToNumber().Uint32Value());
    auto list = Napi::Array::New(info.Env(), steps);
    for (uint32_t i = 0; i < steps; ++i) list[i] = Napi::Number::New(info.Env(), schedule_factor(schedule, i));
    return list;
  });
}

/// plateauFactors(schedule, losses): the factor after each epoch's validation loss.
Napi::Value plateau_factors(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const ScheduleOptions schedule = schedule_from(info[0].As<Napi::Object>());
    const auto losses = info[1].As<Napi::Array>();
    Plateau plateau;
    auto list = Napi::Array::New(info.Env());
    for (uint32_t i = 0; i < losses.Length(); ++i) {
      plateau.observe(losses.Get(i).ToNumber().DoubleValue(), schedule);
      list[i] = Napi::Number::New(info.Env(), plateau.factor);
    }
    return list;
  });
}

/// augment(images, augment, options, seed, keys): images as training sees them.
Napi::Value augment(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const AugmentOptions changes = augment_from(info[1].As<Napi::Object>());
    const Preprocessing preprocessing = preprocessing_from(info[2].As<Napi::Object>());
    const auto seed = static_cast<uint64_t>(info[3].ToNumber().DoubleValue());
    return float_tensor(info.Env(), prepare_images(tensor_copy(info[0], "the images"), preprocessing, &changes, seed,
                                                   integers_from(info[4], "keys")));
  });
}

}  // namespace

Napi::Object training_steps(Napi::Env env) {
  auto object = Napi::Object::New(env);
  object["lossAndGradient"] = Napi::Function::New(env, loss_and_gradient);
  object["optimizerSteps"] = Napi::Function::New(env, optimizer_steps);
  object["scheduleFactors"] = Napi::Function::New(env, schedule_factors);
  object["plateauFactors"] = Napi::Function::New(env, plateau_factors);
  object["augment"] = Napi::Function::New(env, augment);
  return object;
}

}  // namespace lrp::node
