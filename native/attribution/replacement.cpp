#include "replacement.h"

#include <ATen/ATen.h>

#include "../error.h"
#include "channels.h"

namespace lrp {

Replacements::Replacements(const Graph& graph, const std::vector<Replacement>& replacements) : graph_(graph) {
  for (const auto& one : replacements) {
    by_node_.emplace(static_cast<size_t>(graph.source(graph.index(one.layer))), one);
  }
}

Tensor Replacements::apply(size_t index, Tensor output, int64_t first, int64_t images) const {
  const auto [begin, end] = by_node_.equal_range(index);
  for (auto i = begin; i != end; ++i) {
    const Replacement& one = i->second;
    const Tensor mask = channel_mask(graph_, index, one.layer, one.channels, output, images);
    if (!one.values) {
      output = output.masked_fill(mask.gt(0), 0);
      continue;
    }
    const bool fits = one.values->dim() == output.dim() && one.values->size(0) >= first + images &&
                      one.values->sizes().slice(1) == output.sizes().slice(1);
    if (!fits) {
      throw Error("INVALID_ARGUMENT",
                  "the values that replace channels of layer '" + one.layer + "' must have the shape of its output");
    }
    output = at::where(mask.gt(0), one.values->narrow(0, first, images).to(output.options()), output);
  }
  return output;
}

}  // namespace lrp
