#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <numeric>

#include "../ops/per_instruction_set.h"
#include "start.h"

namespace lrp {

namespace {

/// An entry costs about this many times what it costs among all others of an image.
constexpr int64_t kEntryCost = 8;
/// Numbers of all images' sums together.
constexpr int64_t kMostSums = 1 << 24;

LRP_PER_INSTRUCTION_SET
void add_weighted(double* sums, const float* weights, int64_t count, double factor) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) sums[i] += factor * static_cast<double>(weights[i]);
}

LRP_PER_INSTRUCTION_SET
void to_floats(float* result, const double* sums, int64_t count) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) result[i] = static_cast<float>(sums[i]);
}

/// What a layer adds to its output where one number of its input changes.
class Reach {
 public:
  virtual ~Reach() = default;
  virtual void add(double* sums, int64_t place, double change) const = 0;
};

class LinearReach : public Reach {
 public:
  explicit LinearReach(const Tensor& weight)
      : weight_(weight.t().contiguous()), weights_(weight_.const_data_ptr<float>()), outputs_(weight_.size(1)) {}
  void add(double* sums, int64_t place, double change) const override {
    add_weighted(sums, weights_ + place * outputs_, outputs_, change);
  }

 private:
  Tensor weight_;  // [in, out]
  const float* weights_;
  int64_t outputs_;
};

/// Sums are [height, width, channels]; a row of windows that overlap side by side is one run of numbers.
class ConvolutionReach : public Reach {
 public:
  ConvolutionReach(const Tensor& weight, WindowShape shape, at::IntArrayRef input, at::IntArrayRef output)
      : weight_(weight.flip(3).permute({1, 2, 3, 0}).contiguous()),
        weights_(weight_.const_data_ptr<float>()),
        channels_(weight_.size(3)),
        shape_(std::move(shape)),
        height_(input[2]),
        width_(input[3]),
        rows_(output[2]),
        columns_(output[3]) {}

  void add(double* sums, int64_t place, double change) const override {
    const int64_t channel = place / (height_ * width_), y = place / width_ % height_, x = place % width_;
    for (int64_t ky = 0; ky < shape_.kernel[0]; ++ky) {
      const int64_t row = window_of(y, ky, 0);
      if (row < 0 || row >= rows_) continue;
      add_row(sums + row * columns_ * channels_, channel * shape_.kernel[0] + ky, x, change);
    }
  }

 private:
  /// The window whose `k`-th place along an axis is `at`; -1 for none.
  int64_t window_of(int64_t at, int64_t k, size_t axis) const {
    const int64_t start = at + shape_.padding[axis] - k * shape_.dilation[axis];
    return start < 0 || start % shape_.stride[axis] != 0 ? -1 : start / shape_.stride[axis];
  }
  void add_row(double* sums, int64_t weight_row, int64_t x, double change) const {
    const int64_t kernel = shape_.kernel[1], c = channels_;
    const float* weights = weights_ + weight_row * kernel * c;
    if (shape_.stride[1] == 1 && shape_.dilation[1] == 1) {
      const int64_t left = x + shape_.padding[1] - (kernel - 1);
      const int64_t from = std::max<int64_t>(0, left), to = std::min(columns_, left + kernel);
      if (from < to) add_weighted(sums + from * c, weights + (from - left) * c, (to - from) * c, change);
      return;
    }
    for (int64_t kx = 0; kx < kernel; ++kx) {
      const int64_t column = window_of(x, kx, 1);
      if (column < 0 || column >= columns_) continue;
      add_weighted(sums + column * c, weights + (kernel - 1 - kx) * c, c, change);
    }
  }

  Tensor weight_;  // [in, rows, columns backwards, out]
  const float* weights_;
  int64_t channels_;
  WindowShape shape_;
  int64_t height_, width_, rows_, columns_;
};

/// Keeps each image's outputs in double, so that no number of steps adds rounding.
class AfterFirstLayer : public Start {
 public:
  AfterFirstLayer(const Changes& changes, int node, const Tensor& first, std::unique_ptr<Reach> reach)
      : changes_(changes),
        node_(node),
        reach_(std::move(reach)),
        images_(changes.images.contiguous().clone()),
        is_plane_(first.dim() == 4),
        sums_((is_plane_ ? first.permute({0, 2, 3, 1}) : first).to(at::kDouble).contiguous()) {}

  bool skips(int i) const override { return i <= node_; }

  std::map<int, Tensor> outputs(int64_t from, int64_t to) override {
    auto shape = sums_.sizes().vec();
    shape[0] = to - from;
    Tensor result = at::empty(shape, at::kFloat);
    const int64_t first = changes_.owner(from), images = changes_.owner(to - 1) - first + 1;
    at::parallel_for(0, images, 1, [&](int64_t begin, int64_t end) {
      const int32_t* owners = Changes::ints(changes_.owners);
      int64_t step = std::lower_bound(owners + from, owners + to, first + begin) - owners;
      for (; step < to && owners[step] < first + end; ++step) advance(step, result.data_ptr<float>(), step - from);
    });
    return {{node_, is_plane_ ? result.permute({0, 3, 1, 2}) : result}};
  }

 private:
  void advance(int64_t step, float* results, int64_t row) {
    const int64_t owner = changes_.owner(step), outputs = sums_.numel() / sums_.size(0);
    float* image = images_.data_ptr<float>() + owner * changes_.size();
    double* sums = sums_.data_ptr<double>() + owner * outputs;
    const int32_t* places = Changes::ints(changes_.places);
    const auto* values = changes_.values.const_data_ptr<float>();
    const int64_t end = changes_.end(step);
    for (int64_t i = changes_.begin(step); i < end; ++i) {
      float& before = image[places[i]];
      const double change = static_cast<double>(values[i]) - static_cast<double>(before);
      if (change != 0) reach_->add(sums, places[i], change);
      before = values[i];
    }
    to_floats(results + row * outputs, sums, outputs);
  }

  const Changes& changes_;
  int node_;
  std::unique_ptr<Reach> reach_;
  Tensor images_;
  bool is_plane_;
  Tensor sums_;  // [images, height, width, channels] or [images, features]
};

}  // namespace

std::unique_ptr<Start> start_after_first_layer(const Graph& graph, const Changes& changes) {
  if (changes.places.numel() * kEntryCost > changes.steps() * changes.size()) return nullptr;
  if (changes.steps() < 4 * changes.images.size(0)) return nullptr;
  Tensor x = changes.images;
  for (int i = 0; i < static_cast<int>(graph.nodes().size()); ++i) {
    const Node& node = graph.nodes()[static_cast<size_t>(i)];
    if (node.replaced_by || i == graph.output() || graph.readers(i - 1) != std::vector<int>{i}) return nullptr;
    const auto shape = node.op->window_shape();
    const bool is_linear = node.op_name == "linear" && x.dim() == 2;
    const bool is_convolution =
        node.record.kind == "convolution" && shape && x.dim() == 4 && node.parameters.at("weight").size(1) == x.size(1);
    const Pass pass = Pass::of(changes.images);
    if (!is_linear && !is_convolution) {
      if (node.op_name != "flatten" || i > 0) return nullptr;
      x = at_node(node, [&] { return node.op->forward({x}, pass); });
      continue;
    }
    const Tensor first = at_node(node, [&] { return node.op->forward({x}, pass); });
    if (first.numel() > kMostSums) return nullptr;
    const Tensor& weight = node.parameters.at("weight");
    std::unique_ptr<Reach> reach;
    if (is_linear) reach = std::make_unique<LinearReach>(weight);
    if (is_convolution) reach = std::make_unique<ConvolutionReach>(weight, *shape, x.sizes(), first.sizes());
    return std::make_unique<AfterFirstLayer>(changes, i, first, std::move(reach));
  }
  return nullptr;
}

}  // namespace lrp
