#pragma once

namespace lrp {

/// While one lives, freed memory stays with the process (up to 512 MB). A training step frees and asks for the same memory
/// again; with glibc's own limits a fifth of the time of small networks goes into giving it back to the system. The last
/// one gives all of it back.
class KeepFreedMemory {
 public:
  KeepFreedMemory();
  ~KeepFreedMemory();
  KeepFreedMemory(const KeepFreedMemory&) = delete;
  KeepFreedMemory& operator=(const KeepFreedMemory&) = delete;
};

}  // namespace lrp
