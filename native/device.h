#pragma once
#include <c10/core/Device.h>

#include <string>
#include <vector>

namespace lrp {

struct CudaState {
  bool available;
  std::vector<std::string> devices;
  std::string reason;  // why not, where it is not available
  std::string remedy;  // the command that mends it, where a driver is there but cannot be used
};

/// Loads libtorch's CUDA library that lies beside the CPU library, if this machine has a driver. To be called before
/// anything else of libtorch: it settles for good which devices there are when it is first asked.
void load_cuda();

/// The CUDA devices there are.
CudaState enable_cuda();

/// "cpu", "cuda", "cuda:1" or "auto" (CUDA where it works). Throws DEVICE with the remedy, INVALID_ARGUMENT.
c10::Device device_called(const std::string& name);

/// Returns cached GPU memory to the driver; does nothing where CUDA is not loaded.
void release_cache();

}  // namespace lrp
