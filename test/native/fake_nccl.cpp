// NCCL's C interface over ordinary memory, for test/native/nccl.test.ts: members meet in a mapped file whose name is
// the id, in the folder FAKE_NCCL_FOLDER. FAKE_NCCL makes it misbehave: "no id", "refuses RANK" at the beginning,
// "hangs": sums are waited for for ever.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

namespace {

constexpr size_t kRoom = 1 << 20;
constexpr int kSuccess = 0, kInvalidUsage = 5, kInProgress = 7;

struct Shared {
  std::atomic<int> arrived;
  alignas(64) char data[8][kRoom];
};

struct Id {
  char bytes[128];
};

struct Communicator {
  Shared* shared;
  int size, rank, meetings = 0, polls = 0;
  bool stuck = false;
};

std::string told() {
  const char* given = std::getenv("FAKE_NCCL");
  return given ? given : "";
}

/// Until all members have come here.
void meet(Communicator& c) {
  ++c.shared->arrived;
  ++c.meetings;
  while (c.shared->arrived < c.meetings * c.size) std::this_thread::yield();
}

template <typename T>
void add_up(Communicator& c, T* to, size_t count) {
  std::memset(to, 0, count * sizeof(T));
  for (int rank = 0; rank < c.size; ++rank) {
    const T* from = reinterpret_cast<const T*>(c.shared->data[rank]);
    for (size_t i = 0; i < count; ++i) to[i] += from[i];
  }
}

}  // namespace

extern "C" {

int ncclGetUniqueId(Id* id) {
  if (told() == "no id") return kInvalidUsage;
  const char* folder = std::getenv("FAKE_NCCL_FOLDER");
  if (!folder || std::strlen(folder) > 100) return kInvalidUsage;
  std::strcat(std::strcpy(id->bytes, folder), "/id-XXXXXX");
  const int file = mkstemp(id->bytes);
  const bool fits = file >= 0 && ftruncate(file, sizeof(Shared)) == 0;
  close(file);
  return fits ? kSuccess : kInvalidUsage;
}

int ncclCommInitRankConfig(Communicator** made, int size, Id id, int rank, void*) {
  if (told() == "refuses " + std::to_string(rank)) return kInvalidUsage;
  const int file = open(id.bytes, O_RDWR);
  if (file < 0) return kInvalidUsage;
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  *made = new Communicator{static_cast<Shared*>(memory), size, rank};
  ++(*made)->shared->arrived;
  ++(*made)->meetings;
  return kInProgress;
}

/// In progress at first, as a communicator that does not block may say, and until all members are there.
int ncclCommGetAsyncError(Communicator* c, int* state) {
  const bool all = c->shared->arrived >= c->size;
  *state = ++c->polls < 3 || !all || c->stuck ? kInProgress : kSuccess;
  return kSuccess;
}

int ncclAllReduce(const void* from, void* to, size_t count, int type, int, Communicator* c, void*) {
  c->stuck = told().rfind("hangs", 0) == 0;
  if (c->stuck) return kInProgress;
  const size_t width = type == 7 ? 4 : 8;
  std::memcpy(c->shared->data[c->rank], from, count * width);
  meet(*c);
  if (type == 7)
    add_up(*c, static_cast<float*>(to), count);
  else
    add_up(*c, static_cast<double*>(to), count);
  meet(*c);
  return kInProgress;
}

int ncclBroadcast(const void* from, void* to, size_t count, int type, int root, Communicator* c, void*) {
  const size_t width = type == 7 ? 4 : 8;
  if (c->rank == root) std::memcpy(c->shared->data[root], from, count * width);
  meet(*c);
  std::memcpy(to, c->shared->data[root], count * width);
  meet(*c);
  return kSuccess;
}

int ncclCommAbort(Communicator* c) {
  munmap(c->shared, sizeof(Shared));
  delete c;
  return kSuccess;
}

const char* ncclGetErrorString(int result) { return result == kInvalidUsage ? "invalid usage" : "unknown"; }

}  // extern "C"
