#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <utility>
#include <vector>

#include "../../cancel.h"
#include "../../graph/graph.h"
#include "../optim/loss.h"
#include "../step_gradients.h"
#include "process_group.h"

namespace lrp {

/// The processes that train together. Every one calls the same functions in the same order.
class Collective {
 public:
  using Range = std::pair<int64_t, int64_t>;
  virtual ~Collective() = default;

  /// This process's part of a range of images.
  virtual Range part_of(Range range) const = 0;
  /// A number for random draws that no other batch or process has.
  virtual int64_t draw_of(int64_t batch) const = 0;
  /// The weight of this process's mean loss in that of the whole batch. `own` and `whole` index `targets`.
  virtual double weight(const LossOptions& loss, const Tensor& targets, const Tensor& own,
                        const Tensor& whole) const = 0;

  /// Adds up the gradients of a step, and two counts, over all processes. True if the counts are now those of all, so
  /// that a process must read them before it adds to them.
  virtual bool sum(StepGradients& gradients, Tensor& counts) = 0;
  /// Adds up numbers.
  virtual void sum(std::vector<double>& numbers) const = 0;
  /// Gives every process rank 0's tensors.
  virtual void broadcast(const Graph& graph) const = 0;

  /// Whether all processes are to stop now.
  virtual bool stops() const = 0;
  /// What may end a wait for images: no process may leave a step that the others take.
  virtual const CancelToken& patience() const = 0;
};

/// A single process: it has all of every batch, and nobody to wait for.
class SingleProcess : public Collective {
 public:
  explicit SingleProcess(const CancelToken& cancel) : cancel_(cancel) {}
  Range part_of(Range range) const override { return range; }
  int64_t draw_of(int64_t batch) const override { return batch; }
  double weight(const LossOptions&, const Tensor&, const Tensor&, const Tensor&) const override { return 1; }
  bool sum(StepGradients&, Tensor&) override { return false; }
  void sum(std::vector<double>&) const override {}
  void broadcast(const Graph&) const override {}
  bool stops() const override { return cancel_.cancelled(); }
  const CancelToken& patience() const override { return cancel_; }

 private:
  const CancelToken& cancel_;
};

/// Data parallelism: every process takes its part of each batch, and all take the same step. Batch norms see a
/// process's own images; rank 0's statistics count, as in PyTorch's DistributedDataParallel.
class DataParallel : public Collective {
 public:
  DataParallel(std::shared_ptr<ProcessGroup> group, const CancelToken& cancel)
      : group_(std::move(group)), cancel_(cancel) {}
  Range part_of(Range range) const override;
  int64_t draw_of(int64_t batch) const override { return batch * group_->size() + group_->rank(); }
  double weight(const LossOptions& loss, const Tensor& targets, const Tensor& own, const Tensor& whole) const override;
  bool sum(StepGradients& gradients, Tensor& counts) override;
  void sum(std::vector<double>& numbers) const override;
  void broadcast(const Graph& graph) const override;
  /// After the step in which some process was cancelled.
  bool stops() const override { return stops_; }
  const CancelToken& patience() const override { return never_; }

 private:
  std::shared_ptr<ProcessGroup> group_;
  const CancelToken& cancel_;
  const CancelToken never_;
  bool stops_ = false;
};

/// `group` may be null.
std::unique_ptr<Collective> collective_of(std::shared_ptr<ProcessGroup> group, const CancelToken& cancel);

}  // namespace lrp
