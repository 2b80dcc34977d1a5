#pragma once
#include <ATen/DynamicLibrary.h>
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <chrono>
#include <cstddef>
#include <string>

namespace lrp {

using at::Tensor;

/// The functions of NCCL 2.14 or later, by its C interface: libtorch's CUDA library brings NCCL along, but its C++ face
/// can only be compiled with the CUDA toolkit (docs/decisions/004).
struct NcclLibrary {
  struct Id {
    char bytes[128];
  };
  struct Config;
  using Communicator = struct NcclOpaque*;
  using Result = int;

  /// Finds the functions in a library, or in one that it depends on. The library must stay loaded. Throws UNSUPPORTED
  /// where one is missing.
  NcclLibrary(at::DynamicLibrary& library, c10::DeviceType device_type);
  /// The NCCL for a device. Throws UNSUPPORTED, saying why, where there is none.
  static NcclLibrary for_device(c10::Device device);

  /// What all members of a new communicator are given: 128 bytes, made by one of them.
  std::string new_id() const;
  /// Throws UNSUPPORTED with NCCL's own words; "in progress" is no error.
  void check(Result result) const;

  /// Where its tensors lie.
  c10::DeviceType device_type;
  Result (*get_unique_id)(Id*);
  Result (*init_rank)(Communicator*, int size, Id, int rank, Config*);
  Result (*all_reduce)(const void* from, void* to, size_t count, int type, int operation, Communicator, void* stream);
  Result (*broadcast)(const void* from, void* to, size_t count, int type, int root, Communicator, void* stream);
  Result (*get_async_error)(Communicator, Result* state);
  Result (*abort)(Communicator);
  const char* (*error_text)(Result);
};

/// One process's end of an NCCL communicator. Never waits longer than the timeout: a failure or a lost member ends it,
/// and what it had on the device, with an error.
class NcclCommunicator {
 public:
  /// Waits for all members. Throws UNSUPPORTED.
  NcclCommunicator(const NcclLibrary& library, const std::string& id, int rank, int size, c10::Device device,
                   std::chrono::milliseconds timeout);
  ~NcclCommunicator();
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  c10::Device device() const { return device_; }
  /// Begins to replace a contiguous tensor of the device by its sum over all members.
  void sum(const Tensor& tensor);
  /// Begins to replace a contiguous tensor of the device by that of rank 0.
  void broadcast(const Tensor& tensor);
  /// Until the device has done all that was begun.
  void wait();

 private:
  template <typename Done>
  void until(Done done);
  template <typename Begin>
  void begin(Begin begin);
  bool settled();
  void end() noexcept;

  const NcclLibrary library_;
  c10::Device device_;
  std::chrono::milliseconds timeout_;
  NcclLibrary::Communicator communicator_ = nullptr;
};

}  // namespace lrp
