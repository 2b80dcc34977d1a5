#pragma once
#include <napi.h>

#include <functional>
#include <string>
#include <vector>

#include "../cancel.h"

namespace lrp::node {

/// Makes the JavaScript value of a finished job; runs on JavaScript's thread.
using Finish = std::function<Napi::Value(Napi::Env)>;
/// The job: runs on a thread of libuv's pool, touches no JavaScript.
using Work = std::function<Finish()>;

/// Runs `work` off the event loop. The promise resolves with what its `Finish` returns, or rejects with an error that
/// carries `code`. `keep` are JavaScript values that stay alive until then.
Napi::Promise run_async(Napi::Env env, std::vector<Napi::Value> keep, Work work);

/// The same for work that takes less time than handing it to another thread: it is done when the call returns.
Napi::Promise run_now(Napi::Env env, const Work& work);

/// Runs `body` at once; C++ exceptions become JavaScript errors with `code`.
Napi::Value guarded(Napi::Env env, const std::function<Napi::Value()>& body);

/// An error with one of the codes of src/core/errors.ts.
Napi::Error to_error(Napi::Env env, const std::string& code, const std::string& message);

/// What a caught exception means to the user: its code and first line. Call within a catch block.
std::pair<std::string, std::string> describe_current_exception();

/// JavaScript's CancelToken: one method, cancel().
class CancelHandle : public Napi::ObjectWrap<CancelHandle> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit CancelHandle(const Napi::CallbackInfo& info);
  /// The token of `options.cancel`, or a fresh one that nobody cancels.
  static std::shared_ptr<CancelToken> token_of(const Napi::Object& options);

 private:
  Napi::Value cancel(const Napi::CallbackInfo& info);
  std::shared_ptr<CancelToken> token_ = std::make_shared<CancelToken>();
};

}  // namespace lrp::node
