#include "process_group_binding.h"

#include <ATen/ATen.h>

#include <cstring>

#include "../error.h"
#include "async.h"
#include "fields.h"

namespace lrp {

constexpr auto fields(const Rendezvous*) {
  return std::make_tuple(
      node::field("rank", &Rendezvous::rank), node::field("size", &Rendezvous::size),
      node::field("address", &Rendezvous::address), node::field("port", &Rendezvous::port),
      node::field("launcherHosts", &Rendezvous::launcher_hosts), node::field("prefix", &Rendezvous::prefix),
      node::field("networkInterface", &Rendezvous::interface), node::field("timeout", &Rendezvous::timeout));
}

}  // namespace lrp

namespace lrp::node {

/// Seconds.
template <>
struct Codec<std::chrono::milliseconds> {
  static std::chrono::milliseconds read(const Napi::Value& value, const Path& path) {
    return std::chrono::milliseconds(static_cast<int64_t>(Codec<double>::read(value, path) * 1000));
  }
};

Napi::Function ProcessGroupHandle::define(Napi::Env env) {
  return DefineClass(
      env, "ProcessGroup",
      {InstanceMethod<&ProcessGroupHandle::connect>("connect"), InstanceMethod<&ProcessGroupHandle::prepare>("prepare"),
       InstanceMethod<&ProcessGroupHandle::gather>("gather")});
}

ProcessGroupHandle::ProcessGroupHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ProcessGroupHandle>(info) {
  guarded(info.Env(), [&]() -> Napi::Value {
    rendezvous_ = read<Rendezvous>(info[0], "the process group");
    return info.Env().Undefined();
  });
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
