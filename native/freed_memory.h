#pragma once

namespace lrp {

/// While one lives, freed memory stays with the process (up to 1 GB). A pass through a network frees and asks for the
/// same memory again and again; with glibc's own limits a tenth of the time, of small networks that are trained a
/// fifth, goes into giving it back to the system. The last one gives all of it back, that of a GPU too.
class KeepFreedMemory {
 public:
  KeepFreedMemory();
  ~KeepFreedMemory();
  KeepFreedMemory(const KeepFreedMemory&) = delete;
  KeepFreedMemory& operator=(const KeepFreedMemory&) = delete;
};

}  // namespace lrp
