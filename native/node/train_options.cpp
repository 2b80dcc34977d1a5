#include "train_options.h"

#include <ATen/ATen.h>

#include "process_group_binding.h"
#include "values.h"

namespace lrp::node {

Samples samples_from(const Napi::Object& data, const char* name) {
  const Napi::Value value = data.Get(name);
  if (!value.IsObject()) return {};
  const auto split = value.As<Napi::Object>();
  const Tensor labels = tensor_over(split.Get("labels"), std::string(name) + " labels");
  const Napi::Value images = split.Get("images");
  return {images.IsObject() ? tensor_over(images, std::string(name) + " images") : Tensor(),
          labels.is_floating_point() ? labels : labels.to(at::kLong)};
}

LossOptions loss_from(const Napi::Object& o) {
  LossOptions loss;
  loss.name = text_from(o, "loss", loss.name);
  loss.label_smoothing = number_from(o, "labelSmoothing", 0);
  loss.huber_delta = number_from(o, "huberDelta", 1);
  if (o.Get("classWeights").IsObject()) loss.class_weights = tensor_copy(o.Get("classWeights"), "class weights");
  return loss;
}

Preprocessing preprocessing_from(const Napi::Object& o) {
  const Attributes lists = attributes_from(o.Get("normalise"));
  Preprocessing preprocessing;
  if (lists.has("mean")) preprocessing.mean = lists.numbers("mean");
  if (lists.has("std")) preprocessing.std = lists.numbers("std");
  if (o.Get("crop").IsArray()) preprocessing.crop = integers_from(o.Get("crop"), "crop");
  preprocessing.scale = number_from(o, "scale", 1);
  preprocessing.bgr = flag_from(o, "bgr", false);
  return preprocessing;
}

OptimizerOptions optimizer_from(const Napi::Object& o) {
  OptimizerOptions optimizer;
  optimizer.name = text_from(o, "optimizer", optimizer.name);
  optimizer.momentum = number_from(o, "momentum", 0);
  optimizer.nesterov = flag_from(o, "nesterov", false);
  return optimizer;
}

ScheduleOptions schedule_from(const Napi::Object& o) {
  ScheduleOptions schedule;
  schedule.name = text_from(o, "name", schedule.name);
  schedule.warmup_steps = integer_from(o, "warmupSteps", 0);
  schedule.step_size = integer_from(o, "stepSize", 1);
  schedule.gamma = number_from(o, "gamma", schedule.gamma);
  schedule.patience = integer_from(o, "patience", schedule.patience);
  schedule.total_steps = integer_from(o, "totalSteps", 1);
  return schedule;
}

AugmentOptions augment_from(const Napi::Object& o) {
  AugmentOptions augment;
  augment.random_crop = flag_from(o, "randomCrop", false);
  augment.crop_padding = integer_from(o, "cropPadding", 0);
  augment.horizontal_flip = flag_from(o, "horizontalFlip", false);
  augment.vertical_flip = flag_from(o, "verticalFlip", false);
  augment.rotation = number_from(o, "rotation", 0);
  augment.translate = number_from(o, "translate", 0);
  augment.scale_low = number_from(o, "scaleLow", 1);
  augment.scale_high = number_from(o, "scaleHigh", 1);
  augment.shear = number_from(o, "shear", 0);
  augment.brightness = number_from(o, "brightness", 0);
  augment.contrast = number_from(o, "contrast", 0);
  augment.saturation = number_from(o, "saturation", 0);
  augment.hue = number_from(o, "hue", 0);
  augment.erasing = number_from(o, "erasing", 0);
  return augment;
}

namespace {

std::vector<ParameterGroup> groups_from(const Napi::Object& o, const Graph& graph) {
  const double rate = number_from(o, "learningRate", 1e-3), decay = number_from(o, "weightDecay", 0);
  if (!o.Get("groups").IsArray()) return {{graph.trainable(), {}, rate, decay}};
  std::vector<ParameterGroup> groups;
  const auto list = o.Get("groups").As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const auto one = list.Get(i).As<Napi::Object>();
    groups.push_back({strings_from(one.Get("names")),
                      {},
                      number_from(one, "learningRate", rate),
                      number_from(one, "weightDecay", decay)});
  }
  return groups;
}

}  // namespace

TrainOptions train_options_from(const Napi::Object& o, const Graph& graph) {
  TrainOptions options;
  options.loss = loss_from(o);
  options.optimizer = optimizer_from(o);
  options.groups = groups_from(o, graph);
  options.schedule = schedule_from(object_from(o, "schedule"));
  options.preprocessing = preprocessing_from(o);
  options.augments = o.Get("augment").IsObject();
  if (options.augments) options.augment = augment_from(object_from(o, "augment"));
  options.epochs = integer_from(o, "epochs", 5);
  options.batch_size = integer_from(o, "batchSize", 64);
  options.accumulate = integer_from(o, "accumulate", 1);
  options.gradient_clip = number_from(o, "gradientClip", 0);
  options.balanced = flag_from(o, "balanced", false);
  options.patience = integer_from(o, "patience", 0);
  options.precision = text_from(o, "precision", options.precision);
  options.seed = static_cast<uint64_t>(number_from(o, "seed", 0));
  options.threads = static_cast<int>(number_from(o, "threads", 0));
  options.group = ProcessGroupHandle::group_of(o);
  return options;
}

}  // namespace lrp::node
