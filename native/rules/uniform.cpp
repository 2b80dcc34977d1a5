#include <ATen/ATen.h>
#include <ATen/ExpandUtils.h>

#include "catalogue.h"

namespace lrp {

/// Factors share alike: half of the relevance to each of two, all of it to the only one that is explained (AttnLRP).
/// With `signal` all of it goes to that input, the other one is a gate (Arras et al. 2017 for the gates of LSTMs).
Rule uniform(const RuleArguments& a) {
  const int64_t signal = a.settings.has("signal") ? a.settings.integer("signal") : -1;
  return {[signal](const Layer& layer, const Tensor& R) {
            std::vector<Tensor> result(layer.inputs.size());
            const auto explains = [&](size_t i) {
              return layer.explained[i] && (signal < 0 || static_cast<size_t>(signal) == i);
            };
            int64_t sharing = 0;
            for (size_t i = 0; i < result.size(); ++i) sharing += explains(i);
            for (size_t i = 0; i < result.size(); ++i) {
              if (explains(i)) result[i] = at::sum_to(R / static_cast<double>(sharing), layer.inputs[i].sizes());
            }
            return result;
          },
          false};
}

}  // namespace lrp
