#include "train_steps_binding.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "async.h"
#include "train_fields.h"

namespace lrp::node {

namespace {

/// lossAndGradient(options, outputs, targets): the loss and its gradient with respect to the outputs.
Napi::Value loss_and_gradient(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Tensor output = tensor_copy(info[1], "the outputs").set_requires_grad(true);
    const Tensor targets = tensor_copy(info[2], "the targets");
    const Tensor loss = loss_of(read<LossOptions>(info[0], "the loss"), output,
                                targets.is_floating_point() ? targets : targets.to(at::kLong));
    auto object = Napi::Object::New(info.Env());
    object["loss"] = Napi::Number::New(info.Env(), loss.item<double>());
    object["gradient"] = raw_tensor(info.Env(), torch::autograd::grad({loss}, {output})[0]);
    return object;
  });
}

/// optimizerSteps(optimizer, group, parameter, gradients, factors): the parameter after each step.
Napi::Value optimizer_steps(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Tensor parameter = tensor_copy(info[2], "the parameter");
    const auto gradients = info[3].As<Napi::Array>();
    const auto factors = read<std::vector<double>>(info[4], "the factors");
    const ParameterGroup group{read<GroupOptions>(info[1], "the group"), {parameter}};
    Optimizer optimizer(read<OptimizerOptions>(info[0], "the optimizer"), {group});
    auto list = Napi::Array::New(info.Env());
    for (uint32_t i = 0; i < gradients.Length(); ++i) {
      const Tensor gradient = tensor_copy(gradients[i], "a gradient");
      optimizer.step([&gradient](const Piece& piece) { return rows_of(gradient, piece); }, factors.at(i));
      list[i] = raw_tensor(info.Env(), parameter.clone());
    }
    return list;
  });
}

/// scheduleFactors(schedule, steps): the learning rate's factor at steps 0 to steps - 1, where an epoch is one step.
Napi::Value schedule_factors(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Schedule schedule(read<ScheduleOptions>(info[0], "the schedule"), 1);
    std::vector<double> factors;
    for (int64_t i = 0; i < read<int64_t>(info[1], "the steps"); ++i) factors.push_back(schedule.factor(i));
    return write(info.Env(), factors);
  });
}

/// plateauFactors(schedule, losses): the factor after each epoch's validation loss.
Napi::Value plateau_factors(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto schedule = read<ScheduleOptions>(info[0], "the schedule");
    Plateau plateau;
    std::vector<double> factors;
    for (const double loss : read<std::vector<double>>(info[1], "the losses")) {
      plateau.observe(loss, schedule);
      factors.push_back(plateau.factor);
    }
    return write(info.Env(), factors);
  });
}

/// augment(images, augmentation, preprocessing, seed, keys): images as training sees them.
Napi::Value augment(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto changes = read<AugmentOptions>(info[1], "the augmentation");
    const auto preprocessing = read<Preprocessing>(info[2], "the preprocessing");
    const auto seed = read<uint64_t>(info[3], "the seed");
    const auto keys = read<std::vector<int64_t>>(info[4], "the keys");
    return float_tensor(info.Env(),
                        prepare_images(tensor_copy(info[0], "the images"), preprocessing, changes, seed, keys));
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
