#include "evaluate.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>

#include "../precision.h"

namespace lrp {

ScoreSums evaluate(const Graph& graph, c10::Device device, const Samples& samples, const EvaluateOptions& options,
                   const CancelToken& cancel, std::pair<int64_t, int64_t> range) {
  const at::NoGradGuard no_grad;
  const auto [first, last] = range;
  if (first >= last) return {0, 0, 0};
  std::vector<std::vector<int64_t>> batches;
  for (int64_t from = first; from < last; from += options.batch_size) {
    auto& batch = batches.emplace_back(std::min(options.batch_size, last - from));
    std::iota(batch.begin(), batch.end(), from);
  }
  std::optional<ReadAhead> ahead;
  if (samples.source) ahead.emplace(*samples.source, batches);
  std::vector<Tensor> outputs;
  for (const auto& batch : batches) {
    cancel.check();
    const Tensor images =
        ahead ? ahead->next(cancel) : samples.images.narrow(0, batch.front(), static_cast<int64_t>(batch.size()));
    const Autocast autocast(autocast_of_precision(options.precision, device), device.type());
    outputs.push_back(graph.forward(prepare_images(images.to(device), options.preprocessing)).to(at::kFloat).cpu());
  }
  const Tensor all = at::cat(outputs), targets = samples.targets.narrow(0, first, last - first).cpu();
  const double loss = loss_of(options.loss, all, targets).item<double>();
  const double weight = loss_weight(options.loss, targets);
  const double none = std::numeric_limits<double>::quiet_NaN();
  return {loss * weight, weight, has_answers(options.loss, targets) ? correct_of(all, targets).item<double>() : none};
}

}  // namespace lrp
