#pragma once
#include "graph.h"

namespace lrp {

/// What is known of a node before the network runs.
struct NodeFacts {
  std::string name;
  std::vector<int64_t> shape;  // of its output
  double multiply_adds = 0;
};

/// The output of one node as a tensor without data (device meta). Its parameters and inputs have none either. An op
/// tells the shape by its formula, or runs without data; where an aten overload cannot, it runs once on zeros on the
/// CPU, within ops/size_limit.h. Throws what the op throws, naming the node.
Tensor infer_output(const Node& node, const std::vector<Tensor>& inputs, const Pass& pass);

/// Facts of every node for an input of this shape; of the tensors only shapes and types are read. Throws UNSUPPORTED
/// for an aten overload that autograd cannot differentiate and whose input depends on the network's.
std::vector<NodeFacts> infer_shapes(const GraphSpec& spec, const std::map<std::string, Tensor>& tensors,
                                    c10::IntArrayRef input_shape);

/// A tensor without data of the shape of `t`, and of its type or another.
Tensor without_data(const Tensor& t, std::optional<at::ScalarType> dtype = std::nullopt);

}  // namespace lrp
