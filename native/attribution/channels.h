#pragma once
#include "../graph/graph.h"

namespace lrp {

/// Which axis of a node's output holds its channels. Units of dense layers lie last; feature maps and attention heads
/// have theirs after the batch. Steps without weights keep the axis of the layer that they read.
/// Throws UNSUPPORTED where it is not known.
int64_t channel_axis(const Graph& graph, size_t index, int64_t axes);

/// Throws UNSUPPORTED where a node's output does not hold channels for each of the images.
void check_images(const Graph& graph, size_t index, const Tensor& output, int64_t images);

/// 1 for the named channels of a layer and 0 for the others, shaped to be multiplied by its output.
/// Throws INVALID_ARGUMENT for a channel that is not there, and what `channel_axis` and `check_images` throw.
Tensor channel_mask(const Graph& graph, size_t index, const std::string& layer, const std::vector<int64_t>& channels,
                    const Tensor& output, int64_t images);

}  // namespace lrp
