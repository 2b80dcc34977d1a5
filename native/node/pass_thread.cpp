#include "pass_thread.h"

#include <ATen/Parallel.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "../side_by_side.h"

namespace lrp::node {

namespace {

class PassThread {
 public:
  PassThread() {
    std::thread([this] { work(); }).detach();
  }

  /// Runs `pass` on the thread and waits: Node.js, which waits for the caller before its environment ends, so waits for
  /// the pass as well.
  Finish run(std::packaged_task<Finish()> pass) {
    auto result = pass.get_future();
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      passes_.push_back(std::move(pass));
    }
    arrived_.notify_one();
    return result.get();
  }

 private:
  void work() {
    while (true) {
      std::unique_lock<std::mutex> lock(mutex_);
      const auto has_pass = [this] { return !passes_.empty(); };
      if (!arrived_.wait_for(lock, kKeepsTeam, has_pass)) {
        const EndsTeam ends_team;
      }
      arrived_.wait(lock, has_pass);
      auto pass = std::move(passes_.front());
      passes_.pop_front();
      lock.unlock();
      pass();
    }
  }

  /// The first pass of a new team takes longer: its threads have no memory of their own yet.
  static constexpr std::chrono::seconds kKeepsTeam{1};

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::packaged_task<Finish()>> passes_;
};

/// Never destroyed: the process may end while the thread waits.
PassThread& pass_thread() {
  static auto* thread = new PassThread;
  return *thread;
}

}  // namespace

Napi::Promise run_pass(Napi::Env env, std::vector<Napi::Value> keep, Work work) {
  // OpenMP's number of threads is one of each thread
  auto pass = [threads = at::get_num_threads(), work = std::move(work)]() -> Finish {
    if (at::get_num_threads() != threads) at::set_num_threads(threads);
    return work();
  };
  return run_async(env, std::move(keep), [pass = std::move(pass)]() -> Finish {
    return pass_thread().run(std::packaged_task<Finish()>(pass));
  });
}

}  // namespace lrp::node
