#include "nccl.h"

#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <thread>

#include "../../error.h"

namespace lrp {

/// The first fields of ncclConfig_t as NCCL 2.14 defined them; later versions fill in the rest by the size and version.
struct NcclLibrary::Config {
  size_t size = sizeof(Config);
  unsigned magic = 0xcafebeef;
  unsigned version = 21400;
  int blocking = 0;
};

namespace {

constexpr NcclLibrary::Result kSuccess = 0, kInProgress = 7;
constexpr int kSum = 0;
/// libtorch's current stream is CUDA's null stream: we never take another.
void* const kStream = nullptr;

template <typename Function>
void find(at::DynamicLibrary& library, const char* name, Function& function) {
  try {
    function = reinterpret_cast<Function>(library.sym(name));
  } catch (const c10::Error&) {
    throw Error("UNSUPPORTED", std::string("the NCCL library has no function ") + name);
  }
}

int type_of(const Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kByte:
      return 1;
    case at::kInt:
      return 2;
    case at::kLong:
      return 4;
    case at::kHalf:
      return 6;
    case at::kFloat:
      return 7;
    case at::kDouble:
      return 8;
    case at::kBFloat16:
      return 9;
    default:
      throw Error("UNSUPPORTED",
                  std::string("NCCL does not support tensors of the type ") + toString(tensor.scalar_type()));
  }
}

}  // namespace

NcclLibrary::NcclLibrary(at::DynamicLibrary& library, c10::DeviceType type) : device_type(type) {
  find(library, "ncclGetUniqueId", get_unique_id);
  find(library, "ncclCommInitRankConfig", init_rank);
  find(library, "ncclAllReduce", all_reduce);
  find(library, "ncclBroadcast", broadcast);
  find(library, "ncclCommGetAsyncError", get_async_error);
  find(library, "ncclCommAbort", abort);
  find(library, "ncclGetErrorString", error_text);
}

NcclLibrary NcclLibrary::for_device(c10::Device device) {
  if (!device.is_cuda()) throw Error("UNSUPPORTED", "NCCL needs a CUDA device, but this process computes on the CPU");
  // Loaded with libtorch's CUDA library, or part of it.
  at::DynamicLibrary library("libtorch_cuda.so", nullptr, true);
  return NcclLibrary(library, c10::kCUDA);
}

std::string NcclLibrary::new_id() const {
  Id id;
  check(get_unique_id(&id));
  return {id.bytes, sizeof id.bytes};
}

void NcclLibrary::check(Result result) const {
  if (result != kSuccess && result != kInProgress)
    throw Error("UNSUPPORTED", std::string("the NCCL library reported: ") + error_text(result));
}

NcclCommunicator::NcclCommunicator(const NcclLibrary& library, const std::string& id, int rank, int size,
                                   c10::Device device, std::chrono::milliseconds timeout)
    : library_(library), device_(device), timeout_(timeout / 2) {  // the rest is left to those that failed and wait
  NcclLibrary::Id bytes{};
  std::copy_n(id.begin(), std::min(id.size(), sizeof bytes.bytes), bytes.bytes);
  NcclLibrary::Config config;
  try {
    begin([&] { return library_.init_rank(&communicator_, size, bytes, rank, &config); });
  } catch (...) {
    end();
    throw;
  }
  timeout_ = timeout;
}

NcclCommunicator::~NcclCommunicator() { end(); }

void NcclCommunicator::sum(const Tensor& tensor) {
  void* data = tensor.data_ptr();
  begin([&] {
    return library_.all_reduce(data, data, static_cast<size_t>(tensor.numel()), type_of(tensor), kSum, communicator_,
                               kStream);
  });
}

void NcclCommunicator::broadcast(const Tensor& tensor) {
  void* data = tensor.data_ptr();
  begin([&] {
    return library_.broadcast(data, data, static_cast<size_t>(tensor.numel()), type_of(tensor), 0, communicator_,
                              kStream);
  });
}

void NcclCommunicator::wait() {
  const c10::impl::VirtualGuardImpl device(device_.type());
  until([&] { return settled() && device.queryStream(device.getStream(device_)); });
}

/// NCCL may begin a call after it has returned.
template <typename Begin>
void NcclCommunicator::begin(Begin call) {
  const c10::DeviceGuard guard(device_);
  library_.check(call());
  until([&] { return settled(); });
}

template <typename Done>
void NcclCommunicator::until(Done done) {
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  try {
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline)
        throw Error("UNSUPPORTED", "the NCCL communication between the processes timed out");
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  } catch (...) {
    end();  // else its kernel would keep the device busy for ever
    throw;
  }
}

bool NcclCommunicator::settled() {
  if (!communicator_) throw Error("UNSUPPORTED", "the NCCL communicator was closed and can no longer be used");
  NcclLibrary::Result state = kSuccess;
  library_.check(library_.get_async_error(communicator_, &state));
  library_.check(state);
  return state == kSuccess;
}

void NcclCommunicator::end() noexcept {
  if (communicator_) library_.abort(communicator_);
  communicator_ = nullptr;
}

}  // namespace lrp
