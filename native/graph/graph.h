#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "../ops/op.h"
#include "batch_layout.h"

namespace lrp {

/// A node of the network as JavaScript describes it; see src/core/graph.ts.
struct NodeSpec {
  std::string name;
  std::string op;
  std::vector<std::string> inputs;
  Attributes attributes;
  std::map<std::string, std::string> parameters;  // role -> tensor name
};

struct GraphSpec {
  std::vector<NodeSpec> nodes;
  std::string output;
  /// Of every node's output, where they are known.
  std::optional<std::map<std::string, std::vector<int64_t>>> shapes = std::nullopt;
};

/// Index that stands for the network's input among the nodes.
constexpr int kInput = -1;

/// A node ready to run: its op, and the indices of the nodes it reads.
struct Node {
  std::string name;
  std::string op_name;
  std::vector<int> inputs;
  Attributes attributes;
  std::map<std::string, std::string> parameter_names;  // role -> tensor name
  Parameters parameters;                               // role -> tensor
  std::shared_ptr<Op> op;
  OpRecord record;
  size_t axes = 0;  // of its output; 0 where that is not known
  /// Set where a pass took the node out of the network: the node (or kInput) whose output its readers use instead.
  std::optional<int> replaced_by;
};

/// Whether a node is a linear layer or a convolution.
bool is_weighted(const Node& node);

/// The network: nodes in order of execution over named tensors.
class Graph {
 public:
  /// Checks the spec against the tensors and builds every op. Throws lrp::Error naming the node at fault.
  Graph(const GraphSpec& spec, std::map<std::string, Tensor> tensors);
  /// The same network with other nodes (what a pass makes): ops are as given, readers are found anew.
  Graph(std::vector<Node> nodes, int output, std::map<std::string, Tensor> tensors);

  const std::vector<Node>& nodes() const { return nodes_; }
  int output() const { return output_; }
  /// Index of a node. Throws NOT_FOUND.
  int index(const std::string& name) const;
  /// The node whose output replaces this one's: for a folded batch norm the layer it followed, for branches that were
  /// merged the one that is left, else the node itself.
  int source(int index) const;
  /// A ReLU whose input is made anew, not a view of something else, and read by nobody else.
  bool relu_may_overwrite(size_t i) const;
  /// Indices of the nodes that read the output of node `i` (kInput: the network's input).
  const std::vector<int>& readers(int i) const { return readers_.at(static_cast<size_t>(i + 1)); }
  /// All tensors by name, shared with the nodes: training updates them in place.
  const std::map<std::string, Tensor>& tensors() const { return tensors_; }

  /// How one node is computed; `forward` calls its op.
  using Step =
      std::function<Tensor(size_t index, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass)>;
  /// The same network with other rows in its further inputs (other_input.h). Throws INVALID_ARGUMENT for one that it
  /// has not.
  Graph with_inputs(const std::map<std::string, Tensor>& rows) const;
  /// Runs the network, freeing each intermediate result after its last reader. Errors name the node.
  Tensor run(const Tensor& input, const Step& step) const;
  Tensor forward(const Tensor& input) const;

  /// Where the images of a batch lie in every node's output, for inputs shaped like `x`; found once per shape.
  std::vector<BatchLayout> batch_layouts(const Tensor& x) const;

 private:
  void find_readers();
  Graph with_first_rows() const;
  std::vector<Node> nodes_;
  int output_;
  std::map<std::string, Tensor> tensors_;
  std::vector<std::vector<int>> readers_;      // by index + 1
  std::vector<std::vector<int>> freed_after_;  // per node: results that nobody reads afterwards
  struct KnownLayouts {
    std::mutex mutex;
    std::map<std::vector<int64_t>, std::vector<BatchLayout>> by_image_shape;
  };
  std::shared_ptr<KnownLayouts> layouts_ = std::make_shared<KnownLayouts>();
};

/// Builds the op of a node from its attributes and parameters; errors name the node.
void build_op(Node& node);

/// A node with its op and parameters, not yet connected: as many inputs as the spec has, all kInput.
/// Throws INVALID_ARGUMENT for a missing tensor, and what build_op throws.
Node resolve_node(const NodeSpec& spec, const std::map<std::string, Tensor>& tensors);

/// Runs `body`; its errors name the node.
Tensor at_node(const Node& node, const std::function<Tensor()>& body);

}  // namespace lrp
