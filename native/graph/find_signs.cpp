#include <algorithm>

#include "passes.h"

namespace lrp {

std::vector<Signs> find_signs(const Graph& graph, bool nonnegative_network_input) {
  const auto& nodes = graph.nodes();
  std::vector<Signs> signs(nodes.size());
  std::vector<bool> nonnegative_output(nodes.size(), false);
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto& inputs = nodes[i].inputs;
    signs[i].nonnegative_input = !inputs.empty() && std::all_of(inputs.begin(), inputs.end(), [&](int input) {
      return input == kInput ? nonnegative_network_input : nonnegative_output[static_cast<size_t>(input)];
    });
    nonnegative_output[i] = nodes[i].record.sign == OpRecord::kMakesNonnegative ||
                            (nodes[i].record.sign == OpRecord::kKeeps && signs[i].nonnegative_input);
    const auto& readers = graph.readers(static_cast<int>(i));
    signs[i].below_relu = !readers.empty() && static_cast<int>(i) != graph.output() &&
                          std::all_of(readers.begin(), readers.end(), [&](int reader) {
                            return nodes[static_cast<size_t>(reader)].record.cut != OpRecord::kNowhere;
                          });
  }
  return signs;
}

}  // namespace lrp
