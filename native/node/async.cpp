#include "async.h"

#include <c10/util/Exception.h>

#include <new>

#include "../side_by_side.h"

namespace lrp::node {

namespace {

class Job : public Napi::AsyncWorker {
 public:
  Job(Napi::Env env, Work work)
      : Napi::AsyncWorker(env, "lrp-native"), deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }
  void keep(const Napi::Value& value) {
    if (value.IsObject()) kept_.push_back(Napi::Persistent(value.As<Napi::Object>()));
  }

  void Execute() override {
    const EndsTeam ends_team;
    try {
      finish_ = work_();
    } catch (...) {
      std::tie(code_, message_) = describe_current_exception();
    }
  }

  void OnOK() override {
    const Napi::HandleScope scope(Env());
    if (!code_.empty()) {
      deferred_.Reject(to_error(Env(), code_, message_).Value());
      return;
    }
    const EndsTeam ends_team;
    try {
      deferred_.Resolve(finish_(Env()));
    } catch (...) {
      const auto [code, message] = describe_current_exception();
      deferred_.Reject(to_error(Env(), code, message).Value());
    }
  }

 private:
  Napi::Promise::Deferred deferred_;
  Work work_;
  Finish finish_;
  std::string code_, message_;
  std::vector<Napi::ObjectReference> kept_;
};

}  // namespace

std::pair<std::string, std::string> describe_current_exception() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const Napi::Error& error) {
    return {"INVALID_ARGUMENT", error.Message()};
  } catch (const c10::Error& error) {
    const std::string message = first_line(error.what_without_backtrace());
    return {code_of(message, "NATIVE"), message};
  } catch (const std::bad_alloc&) {
    return {"DEVICE", "the machine is out of memory"};
  } catch (const std::exception& error) {
    return {"NATIVE", first_line(error.what())};
  } catch (...) {
    return {"NATIVE", "an unknown error"};
  }
}

Napi::Error to_error(Napi::Env env, const std::string& code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  return error;
}

Napi::Promise run_async(Napi::Env env, std::vector<Napi::Value> keep, Work work) {
  auto* job = new Job(env, std::move(work));
  for (const auto& value : keep) job->keep(value);
  const Napi::Promise promise = job->promise();
  job->Queue();
  return promise;
}

Napi::Promise run_now(Napi::Env env, const Work& work) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  try {
    deferred.Resolve(work()(env));
  } catch (...) {
    const auto [code, message] = describe_current_exception();
    deferred.Reject(to_error(env, code, message).Value());
  }
  return deferred.Promise();
}

Napi::Value guarded(Napi::Env env, const std::function<Napi::Value()>& body) {
  const EndsTeam ends_team;
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    const auto [code, message] = describe_current_exception();
    throw to_error(env, code, message);
  }
}

Napi::Function CancelHandle::define(Napi::Env env) {
  return DefineClass(env, "CancelToken", {InstanceMethod<&CancelHandle::cancel>("cancel")});
}

CancelHandle::CancelHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<CancelHandle>(info) {}

Napi::Value CancelHandle::cancel(const Napi::CallbackInfo& info) {
  token_->cancel();
  return info.Env().Undefined();
}

std::shared_ptr<CancelToken> CancelHandle::token_of(const Napi::Object& options) {
  const Napi::Value value = options.Get("cancel");
  return value.IsObject() ? Unwrap(value.As<Napi::Object>())->token_ : std::make_shared<CancelToken>();
}

}  // namespace lrp::node
