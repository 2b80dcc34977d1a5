#pragma once
#include <string>
#include <utility>

#include "../cancel.h"
#include "../graph/graph.h"
#include "data/augment.h"
#include "data/samples.h"
#include "optim/loss.h"

namespace lrp {

/// Sums over images, which add up over parts of a data set.
struct ScoreSums {
  double loss, weight;
  /// Correct answers; NaN where targets are values.
  double correct;
};

struct EvaluateOptions {
  LossOptions loss;
  Preprocessing preprocessing;
  int64_t batch_size;
  std::string precision;
};

/// The sums over the samples from the first up to before the second of `range`; zeros where there are none.
ScoreSums evaluate(const Graph& graph, c10::Device device, const Samples& samples, const EvaluateOptions& options,
                   const CancelToken& cancel, std::pair<int64_t, int64_t> range);

}  // namespace lrp
