#include "sharing.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "order.h"

namespace lrp {

Sharing::Range Sharing::share(Range range) const {
  return alone() ? range : share_of(range.first, range.second, group_->rank(), group_->size());
}

double Sharing::weight(const LossOptions& loss, const Tensor& own, const Tensor& whole) const {
  if (own.size(0) == 0) return 0;
  return loss_weight(loss, own) / std::max(loss_weight(loss, whole), 1e-12);
}

void Sharing::count(double loss_sum, double correct) {
  loss_sum_ += loss_sum;
  correct_ += correct;
}

Sharing::Sums Sharing::step(std::vector<Tensor> gradients, bool stop) {
  const Tensor counted = at::tensor({loss_sum_, correct_, stop ? 1.0 : 0.0}, at::kDouble);
  loss_sum_ = correct_ = 0;
  gradients.push_back(counted);
  group_->sum(gradients);
  const double* sums = counted.data_ptr<double>();
  return {sums[0], sums[1], sums[2] > 0};
}

void Sharing::spread(const Graph& graph) const {
  if (alone()) return;
  std::vector<Tensor> tensors;
  for (const auto& [name, tensor] : graph.tensors()) tensors.push_back(tensor);
  group_->broadcast(tensors);
}

void Sharing::sum(std::vector<double>& numbers) const {
  group_->sum({at::from_blob(numbers.data(), {static_cast<int64_t>(numbers.size())}, at::dtype(at::kDouble))});
}

}  // namespace lrp
