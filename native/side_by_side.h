#pragma once
#include <ATen/Parallel.h>
#include <c10/core/Device.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace lrp {

/// Into how many passes to split the images of one pass: 1 or, on the CPU, one for each thread. Passes that run side by
/// side on one thread each need less time than one pass on all threads, which wait for each other after every op. Too
/// few images for that stay together.
inline int64_t passes_side_by_side(int64_t images, c10::Device device) {
  const int64_t threads = device.is_cpu() ? at::get_num_threads() : 1;
  if (images < threads) return 1;
  const int64_t longest = (images + threads - 1) / threads;
  const bool is_even = 2 * longest * threads <= 3 * images;  // no thread waits for more than half of the time
  return is_even ? threads : 1;
}

/// The first image of pass `i` of `passes`.
inline int64_t first_of_pass(int64_t i, int64_t passes, int64_t images) { return i * images / passes; }

/// While it lives, every op of this thread uses this thread alone. A thread of an OpenMP region would otherwise be told
/// that there are several: oneDNN then waits for threads that never come.
class OneThread {
 public:
#ifdef _OPENMP
  OneThread() {
    // a thread's first operation sets the number: once in libtorch, once in the loops of its headers that we compile
    at::internal::lazy_init_num_threads();
    before_ = at::get_num_threads();
    omp_set_num_threads(1);
  }
  ~OneThread() { omp_set_num_threads(before_); }

 private:
  int before_;
#endif
};

/// Ends this thread's team of OpenMP threads when it is destroyed. Threads that wait sleep sooner if all teams together
/// have more threads than there are processors (GNU's OpenMP), so idle teams would slow the one that works.
class EndsTeam {
 public:
  EndsTeam() = default;
  EndsTeam(const EndsTeam&) = delete;
  EndsTeam& operator=(const EndsTeam&) = delete;
  ~EndsTeam() {
#if defined(_OPENMP) && defined(__GNUC__) && !defined(__clang__)
    omp_pause_resource_all(omp_pause_soft);
#endif
  }
};

/// Calls `run(i)` for every pass, each on one thread; a single pass has all threads. Settings of the calling thread,
/// such as whether gradients are recorded, do not reach the others. Rethrows the first exception.
template <typename Run>
void run_side_by_side(int64_t passes, const Run& run) {
  if (passes == 1) return run(0);
  at::parallel_for(0, passes, 1, [&](int64_t begin, int64_t end) {
    [[maybe_unused]] const OneThread alone;
    for (int64_t i = begin; i < end; ++i) run(i);
  });
}

/// Calls `run(i)` for every i below `count`, each on one thread: a thread that is free takes the next. Pieces of work
/// that need different times, or threads that others hold up, then leave less waiting at the end.
template <typename Run>
void run_when_free(int64_t count, const Run& run) {
  std::atomic<int64_t> next{0};
  run_side_by_side(std::min<int64_t>(count, at::get_num_threads()), [&](int64_t) {
    for (int64_t i = next++; i < count; i = next++) run(i);
  });
}

}  // namespace lrp
