#include "device.h"

#include <ATen/Context.h>
#include <ATen/DynamicLibrary.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <mutex>

#include "error.h"

namespace lrp {

namespace {

/// Why a library cannot be loaded; empty where it is now, and stays. libtorch_cpu.so loads it: its own folder is
/// searched.
std::string loading_problem(const char* library) {
  try {
    const at::DynamicLibrary loaded(library, nullptr, true);
    return "";
  } catch (const c10::Error& error) {
    return first_line(error.what_without_backtrace());
  }
}

constexpr const char* kNotLoaded = "libtorch's CUDA library does not load";

/// Loads what is there; the reason where it cannot.
std::string load_library() {
#ifdef __APPLE__
  return "libtorch has no CUDA on this system";
#else
  if (!loading_problem("libcuda.so.1").empty()) return "there is no NVIDIA driver: libcuda.so.1 does not load";
  const std::string problem = loading_problem("libtorch_cuda.so");
  return problem.empty() ? problem : kNotLoaded + std::string(": ") + problem;
#endif
}

/// Why libtorch's CUDA library is not there; empty where it is.
const std::string& library_problem() {
  static const std::string problem = load_library();
  return problem;
}

/// float32 is float32 on every device: libtorch would round the factors of convolutions to 10 bits on CUDA (TF32), and
/// relevance is divided by sums that nearly cancel. docs/decisions/005-exact-float32.md.
void compute_in_float32() { at::globalContext().setAllowTF32CuDNN(false); }

CudaState unavailable(const std::string& reason) {
  const bool fixable = reason.rfind(kNotLoaded, 0) == 0;
  return {false, {}, reason, fixable ? "npx lrp-native doctor --libtorch cu130" : ""};
}

CudaState find_devices() {
  if (!library_problem().empty()) return unavailable(library_problem());
  if (!at::hasCUDA()) return unavailable("libtorch's CUDA library does not find a usable driver");
  const int count = c10::impl::getDeviceGuardImpl(c10::kCUDA)->deviceCount();
  if (count == 0) return unavailable("there is no CUDA device");
  compute_in_float32();
  CudaState state{true, {}, "", ""};
  for (int i = 0; i < count; ++i) state.devices.push_back("cuda:" + std::to_string(i));
  return state;
}

}  // namespace

void load_cuda() { library_problem(); }

CudaState enable_cuda() {
  static const CudaState state = find_devices();
  return state;
}

c10::Device device_called(const std::string& name) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  if (name == "auto") return enable_cuda().available ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
  const bool numbered = name.size() > 5 && name.find_first_not_of("0123456789", 5) == std::string::npos;
  if (name != "cuda" && !(name.rfind("cuda:", 0) == 0 && numbered && name.size() < 9)) {
    throw Error("INVALID_ARGUMENT", "device '" + name + "' must be auto, cpu, cuda or cuda:N");
  }
  const CudaState cuda = enable_cuda();
  if (!cuda.available) {
    const std::string fetch =
        "run \"" + cuda.remedy + "\" to download a libtorch with CUDA libraries, or use --device cpu";
    throw Error("DEVICE",
                "CUDA cannot be used (" + cuda.reason + "): " + (cuda.remedy.empty() ? "use --device cpu" : fetch));
  }
  const int index = numbered ? std::stoi(name.substr(5)) : 0;
  if (index >= static_cast<int>(cuda.devices.size())) {
    throw Error("DEVICE", "there is no " + name + ": this machine has " + std::to_string(cuda.devices.size()) +
                              " CUDA device(s)");
  }
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
}

void release_cache() {
  if (!library_problem().empty() || !at::hasCUDA()) return;
  if (auto* allocator = dynamic_cast<c10::DeviceAllocator*>(c10::GetAllocator(c10::kCUDA))) allocator->emptyCache();
}

}  // namespace lrp
