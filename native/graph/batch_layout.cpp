#include "batch_layout.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>

#include "graph.h"

namespace lrp {

namespace {

/// The axis whose size goes with the batch: `two` and `three` are the shapes for two and three images.
int64_t growing_axis(const std::vector<int64_t>& two, const std::vector<int64_t>& three) {
  int64_t axis = BatchLayout::kNone;
  if (two.size() != three.size()) return axis;
  for (size_t i = 0; i < two.size(); ++i) {
    if (two[i] == three[i]) continue;
    if (axis != BatchLayout::kNone || two[i] * 3 != three[i] * 2) return BatchLayout::kNone;
    axis = static_cast<int64_t>(i);
  }
  return axis;
}

std::vector<std::vector<int64_t>> output_shapes(const Graph& graph, const Tensor& x) {
  std::vector<std::vector<int64_t>> shapes(graph.nodes().size());
  graph.run(x, [&](size_t i, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
    const Tensor result = node.op->forward(inputs, pass);
    shapes[i] = result.sizes().vec();
    return result;
  });
  return shapes;
}

/// The first image's sum of magnitudes per node, for both orders of the axis.
struct FirstImage {
  double parts_together, parts_first;
};
std::vector<FirstImage> first_images(const Graph& graph, const Tensor& x, const std::vector<BatchLayout>& layouts) {
  std::vector<FirstImage> sums(layouts.size());
  graph.run(x, [&](size_t i, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
    const Tensor result = node.op->forward(inputs, pass);
    if (layouts[i].axis != BatchLayout::kNone && result.size(layouts[i].axis) != x.size(0)) {
      const Tensor magnitude = result.to(at::kDouble).abs();
      const auto sum = [&](bool parts_first) {
        return BatchLayout{layouts[i].axis, parts_first}.sum(magnitude, x.size(0))[0].item<double>();
      };
      sums[i] = {sum(false), sum(true)};
    }
    return result;
  });
  return sums;
}

}  // namespace

Tensor BatchLayout::images_first(const Tensor& t, int64_t images) const {
  const int64_t parts = t.size(axis) / images;
  if (parts == 1) return t.movedim(axis, 0);
  const Tensor split = parts_first ? t.unflatten(axis, {parts, images}) : t.unflatten(axis, {images, parts});
  return split.movedim(parts_first ? axis + 1 : axis, 0);
}

Tensor BatchLayout::by_image(const Tensor& t, int64_t images) const {
  const bool is_block = axis == 0 && (t.size(0) == images || !parts_first);
  return is_block ? t.reshape({images, -1}) : images_first(t, images).flatten(1);
}

Tensor BatchLayout::from_image(const Tensor& by_image, at::IntArrayRef sizes) const {
  const int64_t images = by_image.size(0), image_axis = parts_first ? axis + 1 : axis;
  auto split = sizes.vec();  // without the images
  split[static_cast<size_t>(axis)] /= images;
  split.insert(split.begin(), images);
  return by_image.view(split).movedim(0, image_axis).reshape(sizes);
}

Tensor BatchLayout::sum(const Tensor& t, int64_t images) const {
  return by_image(t, images).sum(1, false, at::kDouble);
}

std::vector<BatchLayout> find_batch_layouts(const Graph& graph, const Tensor& x) {
  const auto& nodes = graph.nodes();
  std::vector<BatchLayout> layouts(nodes.size());
  if (x.size(0) == 1 ||
      std::all_of(nodes.begin(), nodes.end(), [](const Node& node) { return node.op->keeps_first_axis(); }))
    return layouts;
  const at::NoGradGuard no_grad;
  const Tensor two = x.slice(0, 0, 2).detach(), three = at::cat({two, two.slice(0, 0, 1)});
  const auto shapes = output_shapes(graph, two), larger = output_shapes(graph, three);
  for (size_t i = 0; i < nodes.size(); ++i) layouts[i].axis = growing_axis(shapes[i], larger[i]);
  const Tensor other = at::cat({two.slice(0, 0, 1), two.slice(0, 1, 2) * 0.5 + 0.1});
  const auto before = first_images(graph, two, layouts), after = first_images(graph, other, layouts);
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto change = [](double a, double b) { return std::abs(a - b) / (std::abs(a) + std::abs(b) + 1e-30); };
    const double together = change(before[i].parts_together, after[i].parts_together);
    layouts[i].parts_first = change(before[i].parts_first, after[i].parts_first) < together;
  }
  return layouts;
}

}  // namespace lrp
