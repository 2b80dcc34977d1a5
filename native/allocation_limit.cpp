#include "allocation_limit.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <string>

#include "error.h"

namespace lrp {

namespace {

/// 0: none.
thread_local size_t limit = 0;

/// libtorch's own allocator, but for the limit.
class LimitedAllocator : public at::Allocator {
 public:
  explicit LimitedAllocator(at::Allocator* own) : own_(own) {}
  at::DataPtr allocate(size_t bytes) override {
    if (limit > 0 && bytes > limit) {
      throw Error("UNSUPPORTED", "the op needs an array of " + std::to_string(bytes >> 20) + " MB, which is too large");
    }
    return own_->allocate(bytes);
  }
  at::DeleterFnPtr raw_deleter() const override { return own_->raw_deleter(); }
  void copy_data(void* to, const void* from, size_t bytes) const override { own_->copy_data(to, from, bytes); }

 private:
  at::Allocator* own_;
};

}  // namespace

void install_allocation_limit() {
  static LimitedAllocator allocator(c10::GetCPUAllocator());
  c10::SetCPUAllocator(&allocator, 1);
}

AllocationLimit::AllocationLimit(size_t bytes) : before_(limit) { limit = bytes; }
AllocationLimit::~AllocationLimit() { limit = before_; }

}  // namespace lrp
