#include "process_group_binding.h"

#include <ATen/ATen.h>

#include <cstring>

#include "../error.h"
#include "async.h"
#include "values.h"

namespace lrp::node {

Napi::Function ProcessGroupHandle::define(Napi::Env env) {
  return DefineClass(
      env, "ProcessGroup",
      {InstanceMethod<&ProcessGroupHandle::connect>("connect"), InstanceMethod<&ProcessGroupHandle::prepare>("prepare"),
       InstanceMethod<&ProcessGroupHandle::gather>("gather")});
}

ProcessGroupHandle::ProcessGroupHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ProcessGroupHandle>(info) {
  const auto o = info[0].As<Napi::Object>();
  rendezvous_.rank = static_cast<int>(integer_from(o, "rank", 0));
  rendezvous_.size = static_cast<int>(integer_from(o, "size", 1));
  rendezvous_.address = text_from(o, "address", "");
  rendezvous_.port = static_cast<int>(integer_from(o, "port", 0));
  rendezvous_.launcher_hosts = flag_from(o, "launcherHosts", false);
  rendezvous_.prefix = text_from(o, "prefix", "lrp-native");
  rendezvous_.interface = text_from(o, "networkInterface", "");
  rendezvous_.timeout = std::chrono::milliseconds(static_cast<int64_t>(number_from(o, "timeout", 60) * 1000));
}

std::shared_ptr<ProcessGroup> ProcessGroupHandle::group_of(const Napi::Object& options) {
  const Napi::Value value = options.Get("group");
  return value.IsObject() ? *Unwrap(value.As<Napi::Object>())->group_ : nullptr;
}

std::shared_ptr<ProcessGroup> ProcessGroupHandle::connected() const {
  if (!*group_) throw Error("INVALID_ARGUMENT", "the process group is not connected");
  return *group_;
}

Napi::Value ProcessGroupHandle::connect(const Napi::CallbackInfo& info) {
  return run_async(info.Env(), {info.This()}, [group = group_, where = rendezvous_]() -> Finish {
    *group = std::make_shared<ProcessGroup>(where);
    return [](Napi::Env env) -> Napi::Value { return env.Undefined(); };
  });
}

Napi::Value ProcessGroupHandle::prepare(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const std::string device = info[0].ToString();
    return run_async(info.Env(), {info.This()}, [group = connected(), device]() -> Finish {
      const std::string transport = group->prepare(c10::Device(device));
      return [transport](Napi::Env env) -> Napi::Value { return Napi::String::New(env, transport); };
    });
  });
}

Napi::Value ProcessGroupHandle::gather(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto own = info[0].As<Napi::Uint8Array>();
    const at::Tensor bytes = at::from_blob(own.Data(), {static_cast<int64_t>(own.ByteLength())}, at::dtype(at::kByte));
    return run_async(info.Env(), {info.This(), own}, [group = connected(), bytes]() -> Finish {
      auto all = std::make_shared<std::vector<at::Tensor>>(group->gather(bytes));
      return [all](Napi::Env env) -> Napi::Value {
        auto list = Napi::Array::New(env, all->size());
        for (size_t i = 0; i < all->size(); ++i) {
          const at::Tensor& one = (*all)[i];
          list[static_cast<uint32_t>(i)] = Napi::Buffer<uint8_t>::Copy(env, one.data_ptr<uint8_t>(), one.nbytes());
        }
        return list;
      };
    });
  });
}

}  // namespace lrp::node
