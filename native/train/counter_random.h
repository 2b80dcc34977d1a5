#pragma once
#include <cstdint>
#include <vector>

namespace lrp {

/// Random numbers without a state: the n-th number of a stream is a function of the seed, the stream's names and n
/// alone, so that a resumed run draws what the first one would have (SplitMix64's finaliser over a counter).
class Random {
 public:
  Random(uint64_t seed, uint64_t stream, uint64_t index) : key_(mix(mix(mix(seed) + stream) + index)) {}

  uint64_t next() { return mix(key_ + 0x9E3779B97F4A7C15ull * ++count_); }
  /// Uniform in [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in 0 .. bound - 1.
  int64_t below(int64_t bound) {
    const auto range = static_cast<uint64_t>(bound);
    const uint64_t limit = UINT64_MAX - UINT64_MAX % range;
    uint64_t drawn = next();
    while (drawn >= limit) drawn = next();
    return static_cast<int64_t>(drawn % range);
  }

 private:
  static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
  }
  uint64_t key_;
  uint64_t count_ = 0;
};

/// What random numbers are drawn for; each has a stream of its own.
enum Stream : uint64_t { kShuffle = 1, kAugment = 2, kDropout = 3 };

}  // namespace lrp
