#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "../ops/arithmetic.h"
#include "passes.h"
#include "rewrite.h"

namespace lrp {

namespace {

using Sizes = std::vector<int64_t>;

/// A convolution without output padding: what one branch computes, in double.
struct Branch {
  Tensor weight, bias;
  Sizes stride, padding, dilation;
  int64_t groups;

  int64_t kernel(size_t axis) const { return weight.size(static_cast<int64_t>(axis) + 2); }
};

std::optional<Branch> convolution_at(const Node& node) {
  if (node.record.kind != "convolution" || node.op->linear()->transposed() || node.attributes.is_text("padding")) {
    return std::nullopt;
  }
  const Tensor weight = node.parameters.at("weight").to(at::kDouble);
  const auto axes = static_cast<size_t>(weight.dim() - 2);
  const auto sizes = [&](const char* name, int64_t fallback) { return node.attributes.integers(name, axes, fallback); };
  return Branch{weight,
                bias_or_zeros(node),
                sizes("stride", 1),
                sizes("padding", 0),
                sizes("dilation", 1),
                node.attributes.integer("groups", 1)};
}

/// A batch norm as a convolution of one place, with the groups of its neighbour.
std::optional<Branch> batch_norm_at(const Node& node, const Branch& like) {
  const auto affine = node.op->channel_affine();
  const int64_t channels = like.weight.size(0), inputs = like.weight.size(1) * like.groups;
  if (!affine || affine->scale.size(0) != channels || channels != inputs) return std::nullopt;
  const auto axes = like.stride.size();
  Sizes shape(axes + 2, 1);
  shape[0] = channels;
  shape[1] = channels / like.groups;
  const Tensor weight = at::diag_embed(affine->scale.view({like.groups, shape[1]})).reshape(shape);
  return Branch{weight, affine->shift, Sizes(axes, 1), Sizes(axes, 0), Sizes(axes, 1), like.groups};
}

/// The weight with zeros around it, as a kernel of `size` places along every axis.
Tensor grown(const Branch& branch, const Sizes& size) {
  Sizes pad;
  for (size_t axis = size.size(); axis-- > 0;) {
    const int64_t around = (size[axis] - branch.kernel(axis)) / 2;
    pad.insert(pad.end(), {around, around});
  }
  return at::constant_pad_nd(branch.weight, pad);
}

/// The sum of two convolutions of one input; none where no single convolution computes it for every size of the input.
std::optional<Branch> sum_of(const Branch& a, const Branch& b) {
  if (a.groups != b.groups || a.stride != b.stride || a.weight.dim() != b.weight.dim()) return std::nullopt;
  if (a.weight.size(0) != b.weight.size(0) || a.weight.size(1) != b.weight.size(1)) return std::nullopt;
  Branch sum = a;
  Sizes size;
  for (size_t axis = 0; axis < a.stride.size(); ++axis) {
    const Branch& wide = a.kernel(axis) < b.kernel(axis) ? b : a;
    const Branch& narrow = &wide == &a ? b : a;
    const int64_t more = wide.kernel(axis) - narrow.kernel(axis), dilation = wide.dilation[axis];
    const bool same_steps = narrow.kernel(axis) == 1 || narrow.dilation[axis] == dilation;
    const bool centred = more % 2 == 0 && 2 * (wide.padding[axis] - narrow.padding[axis]) == dilation * more;
    if (!same_steps || !centred) return std::nullopt;
    size.push_back(wide.kernel(axis));
    sum.padding[axis] = wide.padding[axis];
    sum.dilation[axis] = dilation;
  }
  sum.weight = grown(a, size) + grown(b, size);
  sum.bias = a.bias + b.bias;
  return sum;
}

std::vector<double> as_numbers(const Sizes& sizes) { return {sizes.begin(), sizes.end()}; }

/// Makes the first convolution of a sum compute the sum; returns its index.
std::optional<size_t> merge(std::vector<Node>& nodes, int output, size_t i) {
  const auto* sum = dynamic_cast<const Sum*>(nodes[i].op.get());
  if (nodes[i].replaced_by || !sum || nodes[i].inputs.size() != 2 || sum->sign(1) < 0) return std::nullopt;
  std::array<size_t, 2> parts{};
  for (size_t k = 0; k < 2; ++k) {
    const int part = nodes[i].inputs[k];
    if (part == kInput || part == output || readers_of(nodes, part).size() != 1) return std::nullopt;
    parts.at(k) = static_cast<size_t>(part);
  }
  if (parts[0] == parts[1] || nodes[parts[0]].inputs != nodes[parts[1]].inputs) return std::nullopt;
  std::sort(parts.begin(), parts.end());
  if (nodes[parts[0]].record.kind == "batch_norm") std::swap(parts[0], parts[1]);
  const auto [kept, other] = parts;
  const auto a = convolution_at(nodes[kept]);
  if (!a) return std::nullopt;
  const auto b =
      nodes[other].record.kind == "batch_norm" ? batch_norm_at(nodes[other], *a) : convolution_at(nodes[other]);
  const auto both = b ? sum_of(*a, *b) : std::nullopt;
  if (!both) return std::nullopt;
  Node& layer = nodes[kept];
  layer.attributes = layer.attributes.with("padding", as_numbers(both->padding))
                         .with("dilation", as_numbers(both->dilation))
                         .without("kernel_size");
  set_weights(layer, both->weight, both->bias);
  take_out(nodes, other, static_cast<int>(kept));
  return kept;
}

}  // namespace

Graph merge_branches(const Graph& graph) {
  std::vector<Node> nodes = graph.nodes();
  int output = graph.output();
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto kept = merge(nodes, output, i);
    if (!kept) continue;
    if (output == static_cast<int>(i)) output = static_cast<int>(*kept);
    take_out(nodes, i, static_cast<int>(*kept));
  }
  return Graph(std::move(nodes), output, graph.tensors());
}

}  // namespace lrp
