#include "collective.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace lrp {

/// Consecutive images, as many as any other process has or one fewer.
Collective::Range DataParallel::part_of(Range range) const {
  const int64_t from = range.first, count = range.second - from, rank = group_->rank(), size = group_->size();
  return {from + count * rank / size, from + count * (rank + 1) / size};
}

double DataParallel::weight(const LossOptions& loss, const Tensor& targets, const Tensor& own,
                            const Tensor& whole) const {
  if (own.numel() == 0) return 0;
  const auto of = [&](const Tensor& index) {
    return loss_weight(loss, targets.index_select(0, index.to(targets.device())));
  };
  return of(own) / std::max(of(whole), 1e-12);
}

bool DataParallel::sum(StepGradients& gradients, Tensor& counts) {
  const Tensor counted = at::cat({counts.cpu(), at::tensor({cancel_.cancelled() ? 1.0 : 0.0}, at::kDouble)});
  std::vector<Tensor> tensors = gradients.all();
  tensors.push_back(counted);
  group_->sum(tensors);
  counts.copy_(counted.narrow(0, 0, counts.numel()));
  stops_ = counted[-1].item<double>() > 0;
  return true;
}

void DataParallel::sum(std::vector<double>& numbers) const {
  group_->sum({at::from_blob(numbers.data(), {static_cast<int64_t>(numbers.size())}, at::dtype(at::kDouble))});
}

void DataParallel::broadcast(const Graph& graph) const {
  std::vector<Tensor> tensors;
  for (const auto& [name, tensor] : graph.tensors()) tensors.push_back(tensor);
  group_->broadcast(tensors);
}

std::unique_ptr<Collective> collective_of(std::shared_ptr<ProcessGroup> group, const CancelToken& cancel) {
  if (!group) return std::make_unique<SingleProcess>(cancel);
  return std::make_unique<DataParallel>(std::move(group), cancel);
}

}  // namespace lrp
