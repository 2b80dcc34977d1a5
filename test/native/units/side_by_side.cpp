#include "side_by_side.h"

#include <ATen/ATen.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "check.h"

namespace {

/// The process's number of threads, for as long as it lives.
struct Threads {
  explicit Threads(int count) { at::set_num_threads(count); }
  ~Threads() { at::set_num_threads(before); }
  int before = at::get_num_threads();
};

}  // namespace

TEST_CASE("images are split over the threads if no thread waits for long") {
  const Threads three(3);
  CHECK(lrp::passes_side_by_side(2, at::kCPU) == 1);
  CHECK(lrp::passes_side_by_side(3, at::kCPU) == 3);
  CHECK(lrp::passes_side_by_side(4, at::kCPU) == 3);
  CHECK(lrp::passes_side_by_side(300, at::kCPU) == 3);
  CHECK(lrp::passes_side_by_side(300, at::Device("cuda:0")) == 1);
  const Threads seven(7);
  CHECK(lrp::passes_side_by_side(8, at::kCPU) == 1);  // two images for one thread, one for each of the others
  CHECK(lrp::passes_side_by_side(10, at::kCPU) == 7);
}

TEST_CASE("every image belongs to one pass") {
  for (const int64_t images : {7, 8, 9}) {
    CHECK(lrp::first_of_pass(0, 4, images) == 0);
    CHECK(lrp::first_of_pass(4, 4, images) == images);
    for (int64_t i = 0; i < 4; ++i) {
      const int64_t count = lrp::first_of_pass(i + 1, 4, images) - lrp::first_of_pass(i, 4, images);
      CHECK((count == images / 4 || count == images / 4 + 1));
    }
  }
}

TEST_CASE("a pass among others has one thread, and the thread has all again afterwards") {
  const Threads two(2);
  std::atomic<int> runs = 0, most = 0;
  lrp::run_side_by_side(5, [&](int64_t) {
    ++runs;
    most = std::max<int>(most, at::get_num_threads());
    at::parallel_for(0, 100, 1, [](int64_t, int64_t) {});  // the first loop of a thread sets its number of threads
    most = std::max<int>(most, at::get_num_threads());
  });
  CHECK(runs == 5);
  CHECK(most == 1);
  CHECK(at::get_num_threads() == 2);
  lrp::run_side_by_side(1, [&](int64_t) { CHECK(at::get_num_threads() == 2); });
}

TEST_CASE("gradients of convolutions are computed side by side as one after the other") {
  const Threads two(2);
  at::manual_seed(1);
  const at::Tensor x = at::randn({8, 6, 12, 12}), weight = at::randn({16, 6, 5, 5}), g = at::randn({8, 16, 8, 8});
  const auto gradient = [&](int64_t first, int64_t last) {
    return at::convolution_backward(g.slice(0, first, last), x.slice(0, first, last), weight, std::nullopt, {1, 1},
                                    {0, 0}, {1, 1}, false, {0, 0}, 1, {true, true, false});
  };
  std::vector<at::Tensor> of_weight(2);
  lrp::run_side_by_side(2, [&](int64_t i) {
    of_weight[static_cast<size_t>(i)] =
        std::get<1>(gradient(lrp::first_of_pass(i, 2, 8), lrp::first_of_pass(i + 1, 2, 8)));
  });
  CHECK(at::allclose(of_weight[0] + of_weight[1], std::get<1>(gradient(0, 8)), 1e-4, 1e-3));
}

TEST_CASE("the first exception reaches the caller") {
  const Threads two(2);
  CHECK(units::code_thrown([] {
          lrp::run_side_by_side(4, [](int64_t i) {
            if (i == 3) throw lrp::Error("NUMERIC", "three");
          });
        }) == "NUMERIC");
  CHECK(at::get_num_threads() == 2);
}

#if defined(__linux__) && defined(_OPENMP) && !defined(__clang__)
TEST_CASE("a thread that has ended its team leaves no threads behind") {
  const auto threads = [] {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
  };
  const auto become = [&](int64_t count) {  // the system lists a thread for a moment after its end
    for (int i = 0; i < 100'000 && threads() != count; ++i) std::this_thread::yield();
    return threads() == count;
  };
  const Threads three(3);
  std::thread([&] {
    const auto before = threads();
    for (int i = 0; i < 2; ++i) {
      const lrp::EndsTeam ends_team;
      lrp::run_side_by_side(3, [](int64_t) {});
      CHECK(become(before + 2));
    }
    CHECK(become(before));
  }).join();
}
#endif
