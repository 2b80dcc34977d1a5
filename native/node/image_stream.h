#pragma once
#include <napi.h>

#include <memory>
#include <string>

#include "../cancel.h"
#include "../train/data/samples.h"

namespace lrp::node {

/// { labels, images } over the same memory. Without images their function `read({ indices, done, failed })` is called
/// for every batch, ahead of its use, on JavaScript's thread: `done` takes the batch as { data, shape }, `failed` an
/// error's code and message. No samples where the value is missing.
Samples samples_from(const Napi::Value& value, const std::string& what, std::shared_ptr<CancelToken> cancel);

}  // namespace lrp::node
