#pragma once
#include <cstddef>

namespace lrp {

/// Makes AllocationLimit work: to be called once, before tensors are made in several threads.
void install_allocation_limit();

/// While it lives, a tensor of more bytes that this thread asks for on the CPU is an error: UNSUPPORTED. For ops whose
/// output is not known before they run.
class AllocationLimit {
 public:
  explicit AllocationLimit(size_t bytes);
  ~AllocationLimit();
  AllocationLimit(const AllocationLimit&) = delete;
  AllocationLimit& operator=(const AllocationLimit&) = delete;

 private:
  size_t before_;
};

}  // namespace lrp
