#pragma once
#include <napi.h>

#include "../train/trainer.h"

// Settings of training as JavaScript gives them: see src/native/train-types.ts.
namespace lrp::node {

/// data[name] = { images, labels }, over the same memory; no samples where it is missing, no images where they are read
/// while training goes on.
Samples samples_from(const Napi::Object& data, const char* name);
LossOptions loss_from(const Napi::Object& options);
Preprocessing preprocessing_from(const Napi::Object& options);
OptimizerOptions optimizer_from(const Napi::Object& options);
ScheduleOptions schedule_from(const Napi::Object& schedule);
AugmentOptions augment_from(const Napi::Object& augment);
/// Parameters to train are those that `groups` names, else every weight and bias of the graph with one rate.
TrainOptions train_options_from(const Napi::Object& options, const Graph& graph);

}  // namespace lrp::node
