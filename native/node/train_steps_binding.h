#pragma once
#include <napi.h>

namespace lrp::node {

/// The parts of a training step by themselves, for tests and teaching: lossAndGradient, optimizerSteps,
/// scheduleFactors, augment. See NativeTrainingSteps in src/native/train-types.ts.
Napi::Object training_steps(Napi::Env env);

}  // namespace lrp::node
