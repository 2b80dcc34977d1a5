#pragma once
#include <atomic>

#include "error.h"

namespace lrp {

/// Set from JavaScript's thread, looked at between batches and layers.
class CancelToken {
 public:
  void cancel() { cancelled_ = true; }
  bool cancelled() const { return cancelled_; }
  /// Throws ABORTED once cancelled.
  void check() const {
    if (cancelled_) throw Error("ABORTED", "the work was stopped on request");
  }

 private:
  std::atomic<bool> cancelled_{false};
};

}  // namespace lrp
