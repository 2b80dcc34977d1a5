#include <ATen/ATen.h>
#include <ATen/ExpandUtils.h>

#include "catalogue.h"

namespace lrp {

/// Factors share alike: half of the relevance to each of two, all of it to the only one that is explained (AttnLRP).
Rule uniform(const RuleArguments&) {
  return {[](const Layer& layer, const Tensor& R) {
            int64_t sharing = 0;
            for (const bool explained : layer.explained) sharing += explained;
            std::vector<Tensor> result(layer.inputs.size());
            for (size_t i = 0; i < result.size(); ++i) {
              if (layer.explained[i]) {
                result[i] = at::sum_to(R / static_cast<double>(sharing), layer.inputs[i].sizes());
              }
            }
            return result;
          },
          false};
}

}  // namespace lrp
