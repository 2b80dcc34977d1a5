#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../ops/op.h"

namespace lrp {

/// A node of the network as JavaScript describes it; see src/model/graph.ts.
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
};

/// A node ready to run: its op, and the indices of the nodes it reads (-1 is the network's input).
struct Node {
  std::string name;
  std::string op_name;
  std::vector<int> inputs;
  Attributes attributes;
  Parameters parameters;
  std::shared_ptr<Op> op;
};

/// The network: nodes in order of execution over named tensors.
class Graph {
 public:
  /// Checks the spec against the tensors and builds every op. Throws lrp::Error naming the node at fault.
  Graph(const GraphSpec& spec, std::map<std::string, Tensor> tensors);
  explicit Graph(std::vector<Node> nodes, int output, std::map<std::string, Tensor> tensors);

  const std::vector<Node>& nodes() const { return nodes_; }
  int output() const { return output_; }
  int index(const std::string& name) const;  // throws NOT_FOUND
  /// All tensors by name, shared with the nodes: training updates them in place.
  const std::map<std::string, Tensor>& tensors() const { return tensors_; }
  /// Names of the tensors that training changes: parameters, not running statistics or constants.
  std::vector<std::string> trainable() const;

  /// How one node is computed; the default calls its op.
  using Step = std::function<Tensor(size_t index, const Node& node, const std::vector<Tensor>& inputs)>;
  /// Runs the network, freeing each intermediate result after its last reader.
  Tensor run(const Tensor& input, const Step& step) const;
  Tensor forward(const Tensor& input, bool training = false) const;

 private:
  void find_last_readers();
  std::vector<Node> nodes_;
  int output_;
  std::map<std::string, Tensor> tensors_;
  std::vector<std::vector<int>> freed_after_;  // per node: results that nobody reads afterwards
};

}  // namespace lrp
