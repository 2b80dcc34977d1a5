#pragma once
#include <napi.h>

#include <functional>
#include <memory>
#include <mutex>

#include "../cancel.h"

namespace lrp::node {

/// Calls a JavaScript function from the training thread. Where JavaScript's environment ends before the run, as a
/// worker that is terminated does, the run is cancelled: Node.js waits for it before it frees what the run reads.
class Reporter {
 public:
  using Make = std::function<Napi::Object(Napi::Env)>;

 private:
  struct State {
    std::mutex mutex;
    bool open = true;
  };
  struct Message {
    Make make;
    std::shared_ptr<CancelToken> cancel;
  };

 public:
  Reporter(Napi::Env env, const Napi::Function& callback, std::shared_ptr<CancelToken> cancel)
      : cancel_(std::move(cancel)) {
    auto* held = new std::shared_ptr<State>(state_);
    function_ = Napi::ThreadSafeFunction::New(
        env, callback, "lrp-native training", 0, 1,
        [](Napi::Env, std::shared_ptr<State>* state) {
          const std::unique_ptr<std::shared_ptr<State>> owned(state);
          const std::lock_guard<std::mutex> lock((*state)->mutex);
          (*state)->open = false;
        },
        held);
  }
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;
  ~Reporter() {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    if (state_->open) function_.Release();
  }

  /// False once JavaScript's environment has ended: nothing is called any more.
  bool open() const {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    return state_->open;
  }

  /// Calls the function with what `make` makes, on JavaScript's thread.
  void send(Make make) {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    if (!state_->open) return;
    auto* made = new Message{std::move(make), cancel_};
    const auto status = function_.NonBlockingCall(made, [](Napi::Env env, Napi::Function callback, Message* held) {
      const std::unique_ptr<Message> owned(held);
      try {
        callback.Call({owned->make(env)});
      } catch (const Napi::Error&) {
        owned->cancel->cancel();
        throw;
      }
    });
    if (status == napi_ok) return;
    delete made;
    cancel_->cancel();
    state_->open = false;  // JavaScript is ending and has taken the function back
  }

 private:
  std::shared_ptr<CancelToken> cancel_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
  Napi::ThreadSafeFunction function_;
};

}  // namespace lrp::node
