#include "freed_memory.h"

#include "device.h"

#include <cstdlib>
#include <exception>
#include <mutex>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace lrp {

namespace {

std::mutex mutex;
int living = 0;

void set_limits([[maybe_unused]] int mapped, [[maybe_unused]] int kept) {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, mapped);
  mallopt(M_TRIM_THRESHOLD, kept);
#endif
}

}  // namespace

KeepFreedMemory::KeepFreedMemory() {
  const std::lock_guard<std::mutex> lock(mutex);
  if (living++ == 0) set_limits(256 << 20, 1 << 30);
}

KeepFreedMemory::~KeepFreedMemory() {
  const std::lock_guard<std::mutex> lock(mutex);
  if (--living > 0) return;
  set_limits(32 << 20, 64 << 20);  // where glibc's own limits end up as they grow
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  try {
    release_cache();
  } catch (const std::exception&) {  // a device that failed has nothing to give back
  }
}

}  // namespace lrp
