#include "device.h"

#include <ATen/Context.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <dlfcn.h>

#include <mutex>

#include "error.h"

namespace lrp {

namespace {

/// The folder of the libtorch this process has loaded.
std::string libtorch_folder() {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<void*>(&at::globalContext), &info) || !info.dli_fname) return "";
  const std::string path = info.dli_fname;
  return path.substr(0, path.find_last_of('/') + 1);
}

CudaState load_cuda() {
  if (!at::hasCUDA()) {
#ifdef __APPLE__
    return {false, {}, "libtorch has no CUDA on this system"};
#else
    const std::string library = libtorch_folder() + "libtorch_cuda.so";
    if (!dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL)) {
      return {false, {}, std::string("libtorch's CUDA library does not load: ") + dlerror()};
    }
#endif
  }
  if (!at::hasCUDA()) return {false, {}, "libtorch's CUDA library loads but finds no usable driver"};
  const int count = c10::impl::getDeviceGuardImpl(c10::kCUDA)->deviceCount();
  if (count == 0) return {false, {}, "there is no CUDA device"};
  CudaState state{true, {}, ""};
  for (int i = 0; i < count; ++i) state.devices.push_back("cuda:" + std::to_string(i));
  return state;
}

}  // namespace

CudaState enable_cuda() {
  static const CudaState state = load_cuda();
  return state;
}

c10::Device device_called(const std::string& name) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  if (name == "auto") return enable_cuda().available ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
  const bool numbered = name.size() > 5 && name.find_first_not_of("0123456789", 5) == std::string::npos;
  if (name != "cuda" && !(name.rfind("cuda:", 0) == 0 && numbered && name.size() < 9)) {
    throw Error("INVALID_ARGUMENT", "device '" + name + "' is none of auto, cpu, cuda, cuda:0, cuda:1, ...");
  }
  const CudaState cuda = enable_cuda();
  if (!cuda.available) throw Error("DEVICE", "CUDA cannot be used (" + cuda.reason + "): use --device cpu");
  const int index = numbered ? std::stoi(name.substr(5)) : 0;
  if (index >= static_cast<int>(cuda.devices.size())) {
    throw Error("DEVICE", "there is no " + name + ": this machine has " + std::to_string(cuda.devices.size()) + " CUDA device(s)");
  }
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
}

void release_cache() {
  if (!at::hasCUDA()) return;
  if (auto* allocator = dynamic_cast<c10::DeviceAllocator*>(c10::GetAllocator(c10::kCUDA))) allocator->emptyCache();
}

}  // namespace lrp
