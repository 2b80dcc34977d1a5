#pragma once
#include <map>
#include <string>

#include "../graph/graph.h"

namespace lrp {

/// Fits the signal patterns of PatternNet and PatternAttribution (Kindermans et al. 2018) to images that stream by.
/// Per output unit j with y = f(x, W, 0) and m = 1 ("all") or [f(x, W, b) >= 0] ("positive"):
/// c_j = mean_m(x y_j) - mean_m(x) mean(y_j), a_j = c_j / (w_j . c_j), as TorchLRP fits them. Sums are kept in double,
/// so the result does not depend on how the images are batched.
class PatternFitter {
 public:
  PatternFitter(const Graph& graph, bool positive_only) : graph_(graph), positive_only_(positive_only) {}
  /// Adds a batch. Throws UNSUPPORTED for layers without windows: transposed and 3-d convolutions.
  void add(const Tensor& input);
  /// Pattern of every weighted layer by node name, shaped like its weight.
  std::map<std::string, Tensor> finish() const;

 private:
  struct Sums {
    Tensor xy, x, masked, y;  // [outputs, inputs] twice, [outputs] twice
    int64_t count = 0;
  };
  void add_layer(const Node& node, const Tensor& input, const Tensor& output);

  const Graph& graph_;
  bool positive_only_;
  std::map<std::string, Sums> sums_;
};

}  // namespace lrp
