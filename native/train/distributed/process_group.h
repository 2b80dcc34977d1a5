#pragma once
#include <ATen/core/Tensor.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nccl.h"

namespace lrp {

/// Where and how processes meet: torchrun's RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT.
struct Rendezvous {
  int rank = 0, size = 1;
  std::string address;
  int port = 0;
  /// Rank 0 hosts the store at the address, unless the launcher already does.
  bool launcher_hosts = false;
  /// Keeps apart the keys of groups that use one store after another.
  std::string prefix;
  /// Network interface of this machine, such as eth0; chosen by its host name when empty.
  std::string interface;
  /// Longest time to wait for another process.
  std::chrono::milliseconds timeout{60000};
};

/// Processes that compute together, over libtorch's Gloo; tensors on CUDA pass over NCCL where every member can use it.
/// Every member calls the same functions in the same order; each returns when all have taken part. All throw PEER when
/// a member is lost or the timeout has passed.
class ProcessGroup {
 public:
  /// Waits for all members. Throws UNSUPPORTED where libtorch was built without Gloo.
  explicit ProcessGroup(const Rendezvous& rendezvous);
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  int rank() const;
  int size() const;
  /// Settles among all members what tensors on each one's device will pass over. Returns "NCCL", or "Gloo"
  /// and why. `library` finds NCCL for a device, or throws.
  using FindNccl = std::function<NcclLibrary(c10::Device)>;
  std::string prepare(c10::Device device, const FindNccl& library = NcclLibrary::for_device);
  /// Replaces tensors by their sums over all members, in buckets; the same bits everywhere.
  void sum(const std::vector<Tensor>& tensors);
  /// Replaces tensors by those of rank 0.
  void broadcast(const std::vector<Tensor>& tensors);
  /// The bytes of every member, by rank; lengths may differ.
  std::vector<Tensor> gather(const Tensor& bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lrp
