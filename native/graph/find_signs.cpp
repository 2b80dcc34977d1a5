#include <algorithm>
#include <set>

#include "passes.h"

namespace lrp {

namespace {

const std::set<std::string> kMakesNonnegative{"relu", "relu6", "sigmoid", "hardsigmoid", "softmax", "softplus"};
const std::set<std::string> kKeepsSign{"identity",
                                       "dropout",
                                       "flatten",
                                       "reshape",
                                       "permute",
                                       "squeeze",
                                       "unsqueeze",
                                       "slice",
                                       "select",
                                       "cat",
                                       "add",
                                       "mul",
                                       "mean",
                                       "sum",
                                       "interpolate",
                                       "max_pool1d",
                                       "max_pool2d",
                                       "max_pool3d",
                                       "avg_pool1d",
                                       "avg_pool2d",
                                       "avg_pool3d",
                                       "sum_pool1d",
                                       "sum_pool2d",
                                       "sum_pool3d",
                                       "adaptive_avg_pool1d",
                                       "adaptive_avg_pool2d",
                                       "adaptive_avg_pool3d",
                                       "adaptive_max_pool1d",
                                       "adaptive_max_pool2d",
                                       "adaptive_max_pool3d"};

bool cuts_below_zero(const std::string& op) { return op == "relu" || op == "relu6"; }

}  // namespace

std::vector<Signs> find_signs(const Graph& graph, bool nonnegative_network_input) {
  const auto& nodes = graph.nodes();
  std::vector<Signs> signs(nodes.size());
  std::vector<bool> nonnegative_output(nodes.size(), false);
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto& inputs = nodes[i].inputs;
    signs[i].nonnegative_input = !inputs.empty() && std::all_of(inputs.begin(), inputs.end(), [&](int input) {
      return input == kInput ? nonnegative_network_input : nonnegative_output[static_cast<size_t>(input)];
    });
    nonnegative_output[i] = kMakesNonnegative.count(nodes[i].op_name) > 0 ||
                            (kKeepsSign.count(nodes[i].op_name) > 0 && signs[i].nonnegative_input);
    const auto& readers = graph.readers(static_cast<int>(i));
    signs[i].below_relu = !readers.empty() && static_cast<int>(i) != graph.output() &&
                          std::all_of(readers.begin(), readers.end(), [&](int reader) {
                            return cuts_below_zero(nodes[static_cast<size_t>(reader)].op_name);
                          });
  }
  return signs;
}

}  // namespace lrp
