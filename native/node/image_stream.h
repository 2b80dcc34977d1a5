#pragma once
#include <napi.h>

#include <memory>
#include <string>

#include "../train/trainer.h"

namespace lrp::node {

/// Samples whose data[name] has a function `read({ indices, done, failed })` instead of images get a source that calls
/// it for every batch, ahead of its use, on JavaScript's thread; others stay as they are. `done` takes the batch as {
/// data, shape }, `failed` an error's code and message.
Samples streamed(Samples samples, const Napi::Object& data, const std::string& name,
                 std::shared_ptr<CancelToken> cancel);

}  // namespace lrp::node
