#include "process_group.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <optional>

#include "../../error.h"

#ifdef USE_C10D_GLOO
#include <c10/util/Flags.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif

#ifdef USE_C10D_GLOO
C10_DECLARE_int(caffe2_log_level);
#endif

namespace lrp {

#ifdef USE_C10D_GLOO

namespace {

/// Bytes that are sent at once, as in PyTorch's DistributedDataParallel.
constexpr int64_t kBucket = int64_t{25} << 20;

/// What went wrong, without the place in the source that Gloo puts first.
std::string cause_of(const std::exception& error) {
  const auto* known = dynamic_cast<const c10::Error*>(&error);
  std::string text = first_line(known ? known->what_without_backtrace() : error.what());
  if (text.rfind('[', 0) == 0 && text.find("] ") != std::string::npos) text = text.substr(text.find("] ") + 2);
  return text.substr(0, text.find(". This may indicate"));
}

std::string seconds_of(std::chrono::milliseconds timeout) {
  std::string text = std::to_string(static_cast<double>(timeout.count()) / 1000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + " s";
}

bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || address.rfind("127.", 0) == 0;
}

c10::intrusive_ptr<c10d::Store> meet(const Rendezvous& where) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(where.port);
  options.isServer = where.rank == 0 && !where.launcher_hosts;
  options.numWorkers = static_cast<size_t>(where.size);
  options.waitWorkers = false;  // the group itself waits, and says who is missing
  options.timeout = where.timeout;
  const auto store = c10::make_intrusive<c10d::TCPStore>(where.address, options);
  return c10::make_intrusive<c10d::PrefixStore>(where.prefix, store);
}

c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo_group(const Rendezvous& where) {
  const auto options = c10d::ProcessGroupGloo::Options::create(where.timeout);
  using Gloo = c10d::ProcessGroupGloo;
  options->devices.push_back(!where.interface.empty()     ? Gloo::createDeviceForInterface(where.interface)
                             : is_loopback(where.address) ? Gloo::createDeviceForHostname("127.0.0.1")
                                                          : Gloo::createDefaultDevice());
  return c10::make_intrusive<Gloo>(meet(where), where.rank, where.size, options);
}

/// Ends when what was begun is done.
using Wait = std::function<void()>;

/// Runs `begin` on tensors that stand one after the other, a bucket at a time, and takes over what it makes of them.
/// The next bucket is packed while the one before is on its way.
void in_buckets(const std::vector<Tensor>& tensors, const std::function<Wait(Tensor&)>& begin) {
  struct Bucket {
    size_t from, to;
    Tensor flat;
    Wait wait;
  };
  std::vector<Bucket> buckets;
  for (size_t from = 0, to = 0; from < tensors.size(); from = to) {
    std::vector<Tensor> parts;
    int64_t bytes = 0;
    for (; to < tensors.size() && tensors[to].scalar_type() == tensors[from].scalar_type() &&
           tensors[to].device() == tensors[from].device() && (to == from || bytes < kBucket);
         ++to) {
      parts.push_back(tensors[to].detach().reshape(-1));
      bytes += static_cast<int64_t>(tensors[to].nbytes());
    }
    buckets.push_back({from, to, at::cat(parts), {}});
    buckets.back().wait = begin(buckets.back().flat);
  }
  // The last first: where it passes over Gloo, a lost member shows at once, over NCCL only when the time is up.
  for (auto bucket = buckets.rbegin(); bucket != buckets.rend(); ++bucket) {
    bucket->wait();
    const Tensor flat = bucket->flat.to(tensors[bucket->from].device());
    int64_t at = 0;
    for (size_t i = bucket->from; i < bucket->to; ++i) {
      const Tensor target = tensors[i].detach();
      target.copy_(flat.narrow(0, at, target.numel()).view(target.sizes()));
      at += target.numel();
    }
  }
}

/// What one member tells the others about NCCL: '+' and perhaps an id, or '-' and why it cannot be used.
std::string told(const std::function<std::string()>& attempt) {
  try {
    return "+" + attempt();
  } catch (const std::exception& error) {
    return "-" + first_line(error.what());
  }
}

/// Why NCCL cannot be used, by what all members told: each reason with the first rank that has it. Empty where it can.
std::string problem_in(const std::vector<std::string>& all) {
  std::string problem;
  for (auto one = all.begin(); one != all.end(); ++one) {
    if (one->front() != '-' || std::find(all.begin(), one, *one) != one) continue;
    problem += (problem.empty() ? "rank " : "; rank ") + std::to_string(one - all.begin()) +
               " cannot use NCCL: " + one->substr(1);
  }
  return problem;
}

}  // namespace

struct ProcessGroup::State {
  Rendezvous where;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group;
  std::unique_ptr<NcclCommunicator> nccl;

  /// Whatever a transport throws is the loss of a peer. NCCL is ended then, because it would keep the device busy.
  template <typename Body>
  auto guarded(Body body) {
    try {
      return body();
    } catch (const std::exception& error) {
      nccl.reset();
      throw Error("PEER", "rank " + std::to_string(where.rank) + " of " + std::to_string(where.size) +
                              " lost another process, or waited more than " + seconds_of(where.timeout) +
                              " for it: " + cause_of(error));
    }
  }

  enum class Collective { kSum, kBroadcast };

  void run(Collective what, const std::vector<Tensor>& tensors) {
    const at::NoGradGuard no_grad;
    guarded([&] { in_buckets(tensors, [&](Tensor& flat) { return begin(what, flat); }); });
  }

  Wait begin(Collective what, Tensor& flat) {
    if (nccl && flat.device() == nccl->device()) {
      what == Collective::kSum ? nccl->sum(flat) : nccl->broadcast(flat);
      return [this] { nccl->wait(); };
    }
    flat = flat.cpu();
    std::vector<Tensor> one{flat};
    const auto work = what == Collective::kSum ? group->allreduce(one) : group->broadcast(one);
    return [work] { work->wait(); };
  }
};

ProcessGroup::ProcessGroup(const Rendezvous& rendezvous) : state_(std::make_unique<State>()) {
  state_->where = rendezvous;
  // A lost peer is an error of ours, one sentence: libtorch's warnings with stack traces only where they are asked for.
  if (!std::getenv("TORCH_CPP_LOG_LEVEL")) FLAGS_caffe2_log_level = 3;
  try {
    state_->group = gloo_group(rendezvous);
  } catch (const std::exception& error) {
    throw Error("PEER", "rank " + std::to_string(rendezvous.rank) + " of " + std::to_string(rendezvous.size) +
                            " could not connect to the other processes at " + rendezvous.address + ":" +
                            std::to_string(rendezvous.port) + " within " + seconds_of(rendezvous.timeout) + ": " +
                            cause_of(error));
  }
}

std::string ProcessGroup::prepare(c10::Device device, const FindNccl& find) {
  const auto tell = [&](const std::string& own) {
    std::vector<std::string> all;
    for (const auto& bytes :
         gather(at::tensor(at::ArrayRef<uint8_t>(reinterpret_cast<const uint8_t*>(own.data()), own.size())))) {
      all.emplace_back(reinterpret_cast<const char*>(bytes.const_data_ptr<uint8_t>()), bytes.numel());
    }
    return all;
  };
  state_->nccl.reset();
  std::optional<NcclLibrary> library;
  const auto found = tell(told([&]() -> std::string {
    library = find(device);
    return rank() == 0 ? library->new_id() : "";
  }));
  std::string problem = problem_in(found);
  if (problem.empty()) {
    const std::string id = found[0].substr(1);
    const auto timeout = state_->where.timeout;
    problem = problem_in(tell(told([&]() -> std::string {
      state_->nccl = std::make_unique<NcclCommunicator>(*library, id, rank(), size(), device, timeout);
      return "";
    })));
  }
  if (problem.empty()) return "NCCL";
  state_->nccl.reset();
  return "Gloo: " + problem;
}

void ProcessGroup::sum(const std::vector<Tensor>& tensors) { state_->run(State::Collective::kSum, tensors); }

void ProcessGroup::broadcast(const std::vector<Tensor>& tensors) {
  state_->run(State::Collective::kBroadcast, tensors);
}

std::vector<Tensor> ProcessGroup::gather(const Tensor& bytes) {
  const auto all = [&](Tensor own) {
    std::vector<std::vector<Tensor>> outputs(1);
    for (int i = 0; i < size(); ++i) outputs[0].push_back(at::empty_like(own));
    std::vector<Tensor> inputs{own};
    state_->group->allgather(outputs, inputs)->wait();
    return outputs[0];
  };
  return state_->guarded([&] {
    std::vector<int64_t> lengths;
    for (const auto& length : all(at::full({1}, bytes.numel(), at::kLong))) lengths.push_back(length.item<int64_t>());
    const int64_t longest = std::max<int64_t>(1, *std::max_element(lengths.begin(), lengths.end()));
    const Tensor padded = at::zeros({longest}, at::kByte);
    padded.narrow(0, 0, bytes.numel()).copy_(bytes);
    auto result = all(padded);
    for (size_t i = 0; i < result.size(); ++i) result[i] = result[i].narrow(0, 0, lengths[i]);
    return result;
  });
}

#else

struct ProcessGroup::State {
  Rendezvous where;
};

ProcessGroup::ProcessGroup(const Rendezvous&) {
  throw Error("UNSUPPORTED", "this libtorch was built without Gloo, so only one process is possible: unset WORLD_SIZE");
}
std::string ProcessGroup::prepare(c10::Device, const FindNccl&) { return ""; }
void ProcessGroup::sum(const std::vector<Tensor>&) {}
void ProcessGroup::broadcast(const std::vector<Tensor>&) {}
std::vector<Tensor> ProcessGroup::gather(const Tensor&) { return {}; }

#endif

ProcessGroup::~ProcessGroup() = default;
int ProcessGroup::rank() const { return state_->where.rank; }
int ProcessGroup::size() const { return state_->where.size; }

}  // namespace lrp
