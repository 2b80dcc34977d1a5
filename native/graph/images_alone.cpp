#include "images_alone.h"

#include <algorithm>
#include <set>

namespace lrp {

namespace {

/// Nodes by what they hold: images on axis 0, or numbers that are the same for all images.
class Trace {
 public:
  explicit Trace(const Graph& graph) : graph_(graph) {}

  bool keeps_images_apart() {
    for (const Node& node : graph_.nodes()) {
      const bool depends = node.op_name == "expand_batch" || node.op_name == kOtherInput ||
                           std::any_of(node.inputs.begin(), node.inputs.end(), [&](int i) { return holds_images(i); });
      if (depends && !keeps(node)) return false;
      depends_.push_back(depends);
    }
    return holds_images(graph_.output());
  }

 private:
  bool holds_images(int i) const { return i == kInput || depends_[static_cast<size_t>(i)]; }
  /// Number of axes; 0 where it is not known.
  size_t axes_of(int i) const { return i == kInput ? 0 : graph_.nodes()[static_cast<size_t>(i)].axes; }

  /// Whether no axis of an attribute is that of the images.
  static bool leaves_first(const Node& node, size_t axes) {
    const auto dims = node.attributes.integers("dim");
    return !dims.empty() && std::all_of(dims.begin(), dims.end(), [axes](int64_t dim) {
      return dim > 0 || (dim < 0 && dim + static_cast<int64_t>(axes) > 0);
    });
  }
  /// Whether what the node joins is aligned: every input has as many axes as the output, or is the same for all images
  /// and has no more.
  bool is_aligned(const Node& node) const {
    return node.axes > 0 && std::all_of(node.inputs.begin(), node.inputs.end(), [&](int i) {
             return axes_of(i) == node.axes || (!holds_images(i) && axes_of(i) > 0 && axes_of(i) < node.axes);
           });
  }

  bool keeps(const Node& node) const {
    static const std::set<std::string> joining{"add", "sub", "mul", "div", "cat"};
    static const std::set<std::string> along_axes{"mean", "sum", "softmax", "log_softmax"};
    const std::string& name = node.op_name;
    if (node.record.called || !node.op->keeps_first_axis() || node.attributes.has_size_expressions()) return false;
    if (along_axes.count(name) > 0) return leaves_first(node, axes_of(node.inputs.at(0)));
    if (joining.count(name) > 0) return node.inputs.size() == 1 || is_aligned(node);
    if (name == "scaled_dot_product_attention" || name == "matmul") return node.axes > 2 && is_aligned(node);
    if (name == "flatten") return node.attributes.integer("start_dim", 1) > 0;
    if (name == "pad") return node.attributes.integers("padding").size() < 2 * node.axes;
    return true;
  }

  const Graph& graph_;
  std::vector<bool> depends_;
};

}  // namespace

bool takes_images_alone(const Graph& graph) { return Trace(graph).keeps_images_apart(); }

}  // namespace lrp
