#pragma once

namespace lrp {

/// While it lives, this thread and those that compute for it take numbers below 1e-38 for 0. Moments of weights that
/// get no gradient any more, such as those of a dark border, fall to such numbers, which processors compute with many
/// times slower.
class FlushDenormals {
 public:
  FlushDenormals() { set(true); }
  ~FlushDenormals() { set(false); }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  static void set(bool flush);
};

}  // namespace lrp
