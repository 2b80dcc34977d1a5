#pragma once
#include <napi.h>

#include <memory>

#include "../train/distributed/process_group.h"

namespace lrp::node {

/// JavaScript's ProcessGroup: connect() once, prepare() before training, gather(); the training loop takes the group
/// itself.
class ProcessGroupHandle : public Napi::ObjectWrap<ProcessGroupHandle> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit ProcessGroupHandle(const Napi::CallbackInfo& info);
  /// The group of `options.group`; null where there is none.
  static std::shared_ptr<ProcessGroup> group_of(const Napi::Object& options);

 private:
  Napi::Value connect(const Napi::CallbackInfo& info);
  Napi::Value prepare(const Napi::CallbackInfo& info);
  Napi::Value gather(const Napi::CallbackInfo& info);
  /// Throws INVALID_ARGUMENT before connect().
  std::shared_ptr<ProcessGroup> connected() const;

  Rendezvous rendezvous_;
  std::shared_ptr<std::shared_ptr<ProcessGroup>> group_ = std::make_shared<std::shared_ptr<ProcessGroup>>();
};

}  // namespace lrp::node
