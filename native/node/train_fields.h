#pragma once
#include "../train/initialise.h"
#include "../train/trainer.h"
#include "fields.h"

// What crosses for training, field by field; src/native/train-types.ts holds the types.
namespace lrp {

using node::field;

constexpr auto fields(const InitialValue*) {
  return std::make_tuple(field("name", &InitialValue::name), field("shape", &InitialValue::shape),
                         field("bound", &InitialValue::bound), field("value", &InitialValue::value));
}

constexpr auto fields(const LossOptions*) {
  return std::make_tuple(field("name", &LossOptions::name), field("labelSmoothing", &LossOptions::label_smoothing),
                         field("classWeights", &LossOptions::class_weights),
                         field("huberDelta", &LossOptions::huber_delta));
}

constexpr auto fields(const OptimizerOptions*) {
  return std::make_tuple(field("name", &OptimizerOptions::name), field("momentum", &OptimizerOptions::momentum),
                         field("nesterov", &OptimizerOptions::nesterov));
}

constexpr auto fields(const GroupOptions*) {
  return std::make_tuple(field("names", &GroupOptions::names), field("learningRate", &GroupOptions::learning_rate),
                         field("weightDecay", &GroupOptions::weight_decay));
}

constexpr auto fields(const ScheduleOptions*) {
  return std::make_tuple(field("name", &ScheduleOptions::name), field("epochs", &ScheduleOptions::epochs),
                         field("warmupEpochs", &ScheduleOptions::warmup_epochs),
                         field("stepEpochs", &ScheduleOptions::step_epochs), field("gamma", &ScheduleOptions::gamma),
                         field("patience", &ScheduleOptions::patience));
}

constexpr auto fields(const Preprocessing*) {
  return std::make_tuple(field("crop", &Preprocessing::crop), field("mean", &Preprocessing::mean),
                         field("std", &Preprocessing::std), field("scale", &Preprocessing::scale),
                         field("bgr", &Preprocessing::bgr));
}

constexpr auto fields(const Patch*) {
  return std::make_tuple(field("pixels", &Patch::pixels), field("mask", &Patch::mask), field("place", &Patch::place));
}

constexpr auto fields(const AugmentOptions*) {
  return std::make_tuple(
      field("randomCrop", &AugmentOptions::random_crop), field("cropPadding", &AugmentOptions::crop_padding),
      field("horizontalFlip", &AugmentOptions::horizontal_flip), field("verticalFlip", &AugmentOptions::vertical_flip),
      field("rotation", &AugmentOptions::rotation), field("translate", &AugmentOptions::translate),
      field("scaleLow", &AugmentOptions::scale_low), field("scaleHigh", &AugmentOptions::scale_high),
      field("shear", &AugmentOptions::shear), field("brightness", &AugmentOptions::brightness),
      field("contrast", &AugmentOptions::contrast), field("saturation", &AugmentOptions::saturation),
      field("hue", &AugmentOptions::hue), field("erasing", &AugmentOptions::erasing),
      field("insert", &AugmentOptions::insert));
}

constexpr auto fields(const TrainOptions*) {
  return std::make_tuple(
      field("loss", &TrainOptions::loss), field("optimizer", &TrainOptions::optimizer),
      field("groups", &TrainOptions::groups), field("schedule", &TrainOptions::schedule),
      field("preprocessing", &TrainOptions::preprocessing), field("augment", &TrainOptions::augment),
      field("epochs", &TrainOptions::epochs), field("batchSize", &TrainOptions::batch_size),
      field("fixedBatch", &TrainOptions::fixed_batch), field("accumulate", &TrainOptions::accumulate),
      field("gradientClip", &TrainOptions::gradient_clip), field("balanced", &TrainOptions::balanced),
      field("patience", &TrainOptions::patience), field("precision", &TrainOptions::precision),
      field("seed", &TrainOptions::seed), field("threads", &TrainOptions::threads));
}

constexpr auto fields(const BestEpoch*) {
  return std::make_tuple(field("loss", &BestEpoch::loss), field("accuracy", &BestEpoch::accuracy),
                         field("epoch", &BestEpoch::epoch), field("epochsSince", &BestEpoch::epochs_since));
}

constexpr auto fields(const Plateau*) {
  return std::make_tuple(field("factor", &Plateau::factor), field("best", &Plateau::best),
                         field("badEpochs", &Plateau::bad_epochs));
}

constexpr auto fields(const TrainState*) {
  return std::make_tuple(field("epoch", &TrainState::epoch), field("batch", &TrainState::batch),
                         field("step", &TrainState::step), field("lossSum", &TrainState::loss_sum),
                         field("correct", &TrainState::correct), field("seen", &TrainState::seen),
                         field("best", &TrainState::best), field("plateau", &TrainState::plateau));
}

constexpr auto fields(const TrainStart*) {
  return std::make_tuple(field("optimizer", &TrainStart::optimizer), field("state", &TrainStart::state));
}

constexpr auto fields(const Snapshot*) {
  return std::make_tuple(field("weights", &Snapshot::weights), field("optimizer", &Snapshot::optimizer),
                         field("state", &Snapshot::state));
}

constexpr auto fields(const BatchReport*) {
  return std::make_tuple(field("kind", &BatchReport::kind), field("epoch", &BatchReport::epoch),
                         field("batch", &BatchReport::batch), field("batches", &BatchReport::batches),
                         field("loss", &BatchReport::loss), field("accuracy", &BatchReport::accuracy),
                         field("imagesPerSecond", &BatchReport::images_per_second));
}

constexpr auto fields(const EpochReport*) {
  return std::make_tuple(
      field("kind", &EpochReport::kind), field("epoch", &EpochReport::epoch),
      field("trainLoss", &EpochReport::train_loss), field("trainAccuracy", &EpochReport::train_accuracy),
      field("validLoss", &EpochReport::valid_loss), field("validAccuracy", &EpochReport::valid_accuracy),
      field("learningRate", &EpochReport::learning_rate), field("imagesPerSecond", &EpochReport::images_per_second),
      field("seconds", &EpochReport::seconds), field("best", &EpochReport::best),
      field("snapshot", &EpochReport::snapshot));
}

constexpr auto fields(const TrainResult*) {
  return std::make_tuple(field("reason", &TrainResult::reason), field("snapshot", &TrainResult::snapshot));
}

}  // namespace lrp
