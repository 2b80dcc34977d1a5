#include <algorithm>

#include "passes.h"

namespace lrp {

std::vector<bool> nodes_on_every_path(const Graph& graph) {
  const auto& nodes = graph.nodes();
  const auto count = static_cast<int>(nodes.size());
  std::vector<bool> from_input(nodes.size(), false), to_output(nodes.size(), false), result(nodes.size(), false);
  for (size_t i = 0; i < nodes.size(); ++i) {
    from_input[i] = nodes[i].record.kind != "constant" &&
                    std::any_of(nodes[i].inputs.begin(), nodes[i].inputs.end(),
                                [&](int input) { return input == kInput || from_input[static_cast<size_t>(input)]; });
  }
  for (int i = count - 1; i >= 0; --i) {
    const auto& readers = graph.readers(i);
    to_output[static_cast<size_t>(i)] =
        i == graph.output() ||
        std::any_of(readers.begin(), readers.end(), [&](int reader) { return to_output[static_cast<size_t>(reader)]; });
  }
  const auto on_path = [&](int i) { return from_input[static_cast<size_t>(i)] && to_output[static_cast<size_t>(i)]; };
  int furthest = -1;  // last reader, on a path, of anything before node i
  for (int i = kInput; i < count; ++i) {
    if (i != kInput) {
      if (!on_path(i)) continue;
      result[static_cast<size_t>(i)] = furthest <= i;  // nothing leads round it
    }
    for (const int reader : graph.readers(i)) {
      if (on_path(reader)) furthest = std::max(furthest, reader);
    }
  }
  return result;
}

}  // namespace lrp
