#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "../graph/graph.h"
#include "loss.h"
#include "process_group.h"

namespace lrp {

/// One process's part in the steps of a group. Without a group it has all of every batch and nobody to ask.
class Sharing {
 public:
  using Range = std::pair<int64_t, int64_t>;
  explicit Sharing(std::shared_ptr<ProcessGroup> group) : group_(std::move(group)) {}

  bool alone() const { return !group_; }
  /// This process's share of the places from the first up to before the second.
  Range share(Range range) const;
  /// A number for random draws: of its own for every batch and process.
  int64_t draw(int64_t batch) const { return alone() ? batch : batch * group_->size() + group_->rank(); }
  /// This process's part in the mean loss of a batch, from the targets of its share and of the whole.
  double weight(const LossOptions& loss, const Tensor& own, const Tensor& whole) const;

  /// Takes a share of a batch into the sums of the next step.
  void count(double loss_sum, double correct);
  struct Sums {
    double loss_sum, correct;
    /// Some process was told to stop: all stop after this step.
    bool stopped;
  };
  /// Adds up the gradients of all processes, and with them what each has counted.
  Sums step(std::vector<Tensor> gradients, bool stop);

  /// Gives every process rank 0's tensors. Batch norms see a process's own images: rank 0's statistics count, as in
  /// PyTorch's DistributedDataParallel.
  void spread(const Graph& graph) const;
  /// Replaces numbers by their sums over all processes.
  void sum(std::vector<double>& numbers) const;

 private:
  std::shared_ptr<ProcessGroup> group_;
  double loss_sum_ = 0, correct_ = 0;
};

}  // namespace lrp
