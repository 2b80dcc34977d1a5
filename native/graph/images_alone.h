#pragma once
#include "graph.h"

namespace lrp {

/// Whether the output for an image does not depend on the other images of the batch. Only where every node is known to
/// keep the images apart, on axis 0: a file may, for example, subtract the mean of a batch, and calls of aten operators
/// may do anything.
bool takes_images_alone(const Graph& graph);

}  // namespace lrp
