#pragma once
#include "lrp.h"

namespace lrp {

/// Which way an explanation is made, and the settings of the ways that are not LRP.
struct Method {
  std::string name = "lrp";
  LrpOptions lrp;
  int64_t steps = 20;  // integrated gradients: points on the path; smoothgrad: samples
  double noise = 0.1;  // smoothgrad: standard deviation as a share of each image's range
  int64_t window = 4;  // occlusion: side of the square that is covered
  int64_t stride = 0;  // occlusion: distance between squares; 0: the window
  std::string layer;   // grad-cam: the node whose channels are weighed; empty: the last convolution
  uint64_t seed = 0;   // smoothgrad, random
};

/// Attributions of any method in one shape: LRP, gradient, input-x-gradient, integrated-gradients, smoothgrad,
/// occlusion, grad-cam, random. Throws INVALID_ARGUMENT for an unknown method.
Explanation attribute(const Graph& graph, const Tensor& input, const Method& method);

}  // namespace lrp
