#pragma once
#include <string>
#include <utility>

#include "../cancel.h"
#include "../graph/graph.h"
#include "augment.h"
#include "loss.h"
#include "samples.h"

namespace lrp {

struct Score {
  double loss = 0;
  /// Share of right answers; NaN where targets are values.
  double accuracy = 0;
};

struct EvaluateOptions {
  LossOptions loss;
  Preprocessing preprocessing;
  int64_t batch_size = 256;
  std::string precision = "fp32";
};

/// The score on the samples from the first up to before the second of `range`. Throws INVALID_ARGUMENT where there are
/// none.
Score evaluate(const Graph& graph, c10::Device device, const Samples& samples, const EvaluateOptions& options,
               const CancelToken& cancel, std::pair<int64_t, int64_t> range);

}  // namespace lrp
