#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "patches.h"
#include "start.h"

namespace lrp {

namespace {

/// A box is worth while up to this share of the input, and of the output of a layer.
constexpr int64_t kOfInput = 16, kOfLayer = 2;

Tensor channels_last(const Tensor& t) { return t.permute({0, 2, 3, 1}).contiguous(); }

/// Boxes around what each step changes, and what they hold; none where they are large.
std::optional<Patches> patches_of_input(const Changes& changes) {
  if (changes.images.dim() != 4) return std::nullopt;
  const int64_t c = changes.images.size(1), height = changes.images.size(2), width = changes.images.size(3);
  const int32_t* places = Changes::ints(changes.places);
  BoxBuilder builder;
  for (int64_t step = 0; step < changes.steps(); ++step) {
    int64_t top = height, left = width, bottom = 0, right = 0;
    const int64_t end = changes.end(step);
    for (int64_t i = changes.begin(step); i < end; ++i) {
      const int64_t y = places[i] / width % height, x = places[i] % width;
      top = std::min(top, y), bottom = std::max(bottom, y + 1);
      left = std::min(left, x), right = std::max(right, x + 1);
    }
    const bool is_empty = bottom == 0;
    builder.add(is_empty ? 0 : top, is_empty ? 0 : left, bottom, right);
  }
  const Boxes boxes = builder.fitted(height, width);
  if (boxes.area() == 0 || boxes.area() * kOfInput > height * width) return std::nullopt;
  Patches result{channels_last(changes.images)[0], at::empty({changes.steps(), boxes.height, boxes.width, c}), boxes};
  ChangingImage image(changes);
  auto* out = result.patches.data_ptr<float>();
  for (size_t step = 0; step < boxes.top.size(); ++step) {
    const float* now = image.next();
    for (int64_t y = boxes.top[step]; y < boxes.top[step] + boxes.height; ++y) {
      for (int64_t x = boxes.left[step]; x < boxes.left[step] + boxes.width; ++x) {
        for (int64_t k = 0; k < c; ++k) *out++ = now[(k * height + y) * width + x];
      }
    }
  }
  return result;
}

/// The layers whose outputs are known as patches.
class AfterWindows : public Start {
 public:
  AfterWindows(const Graph& graph, Patches input, const Pass& pass) : graph_(graph), pass_(pass) {
    known_.emplace(kInput, std::move(input));
    computed_.assign(graph.nodes().size(), false);
  }

  void run(const CancelToken& cancel) {
    for (int i = 0; i < static_cast<int>(computed_.size()); ++i) {
      const Node& node = node_at(i);
      if (node.replaced_by) continue;
      cancel.check();
      at_node(node, [&] {
        if (auto found = compute(node)) {
          known_.emplace(i, std::move(*found));
          computed_[static_cast<size_t>(i)] = true;
        }
        return Tensor();
      });
      for (const int input : node.inputs) forget_if_done(input, i);
    }
    for (auto it = known_.begin(); it != known_.end();) it = is_read(it->first) ? std::next(it) : known_.erase(it);
  }

  /// Whether a layer that sees windows is among them.
  bool helps() const { return helps_; }
  /// Numbers of one step in all that is passed on.
  int64_t size() const {
    int64_t sum = 0;
    for (const auto& [i, patches] : known_) sum += patches.before.numel();
    return sum;
  }

  bool skips(int i) const override { return computed_[static_cast<size_t>(i)]; }
  std::map<int, Tensor> outputs(int64_t from, int64_t to) override {
    std::map<int, Tensor> result;
    for (const auto& [i, patches] : known_) result[i] = patches.whole(from, to);
    return result;
  }

 private:
  const Node& node_at(int i) const { return graph_.nodes()[static_cast<size_t>(i)]; }
  /// Whether a node that is run as usual reads it.
  bool is_read(int i) const {
    const auto& readers = graph_.readers(i);
    return i == graph_.output() || std::any_of(readers.begin(), readers.end(), [&](int reader) {
             return !skips(reader) && !node_at(reader).replaced_by;
           });
  }
  void forget_if_done(int i, int reader) {
    if (graph_.readers(i).back() == reader && !is_read(i)) known_.erase(i);
  }

  std::optional<Patches> compute(const Node& node) {
    std::vector<const Patches*> inputs;
    for (const int i : node.inputs) {
      const auto found = known_.find(i);
      if (found == known_.end()) return std::nullopt;
      inputs.push_back(&found->second);
    }
    if (inputs.empty()) return std::nullopt;
    const auto shape = node.op->window_shape();
    if (shape && inputs.size() == 1) return of_windows(node, *shape, *inputs[0]);
    return is_of_places(node, inputs) ? of_places(node, inputs) : std::nullopt;
  }

  std::optional<Patches> of_windows(const Node& node, const WindowShape& shape, const Patches& input) {
    const Tensor before = forward(node, {planes(input)});
    const Boxes boxes = seeing(input.boxes, shape, before.size(2), before.size(3));
    if (boxes.area() == 0 || boxes.area() * kOfLayer > before.size(2) * before.size(3)) return std::nullopt;
    helps_ = true;
    return made(before, node.op->forward_padded(input.inside(seen_by(boxes, shape), shape.filler)), boxes);
  }

  /// Ops of ours that compute every place of their output from the same place of inputs of the same size.
  static bool is_of_places(const Node& node, const std::vector<const Patches*>& inputs) {
    const bool fits = node.record.reach == OpRecord::kPlace && !node.record.called && node.op_name != "pad" &&
                      (node.op_name != "cat" || node.attributes.integer("dim", 0) == 1);
    return fits && std::all_of(inputs.begin(), inputs.end(), [&](const Patches* input) {
             return input->height() == inputs[0]->height() && input->width() == inputs[0]->width();
           });
  }
  std::optional<Patches> of_places(const Node& node, const std::vector<const Patches*>& inputs) const {
    const int64_t height = inputs[0]->height(), width = inputs[0]->width();
    Boxes boxes = inputs[0]->boxes;
    for (const Patches* input : inputs) boxes = around(boxes, input->boxes, height, width);
    if (boxes.area() * kOfLayer > height * width) return std::nullopt;
    std::vector<Tensor> before, after;
    for (const Patches* input : inputs) {
      before.push_back(planes(*input));
      after.push_back(input->boxes == boxes ? input->patches.permute({0, 3, 1, 2}) : input->inside(boxes, 0));
    }
    return made(forward(node, before), forward(node, after), boxes);
  }

  Tensor forward(const Node& node, const std::vector<Tensor>& inputs) const { return node.op->forward(inputs, pass_); }
  static Tensor planes(const Patches& p) { return p.before.permute({2, 0, 1}).unsqueeze(0); }
  static Patches made(const Tensor& before, const Tensor& patches, Boxes boxes) {
    return {channels_last(before)[0], channels_last(patches), std::move(boxes)};
  }

  const Graph& graph_;
  Pass pass_;
  std::map<int, Patches> known_;
  std::vector<bool> computed_;
  bool helps_ = false;
};

}  // namespace

std::unique_ptr<Start> start_after_windows(const Graph& graph, const Changes& changes, const CancelToken& cancel,
                                           int64_t most, int64_t& batch_size) {
  constexpr int64_t kFewSteps = 4;  // the layers run once as usual, before the first step
  if (changes.steps() < kFewSteps) return nullptr;
  auto input = patches_of_input(changes);
  if (!input) return nullptr;
  auto result = std::make_unique<AfterWindows>(graph, std::move(*input), Pass::of(changes.images));
  result->run(cancel);
  if (!result->helps()) return nullptr;
  batch_size = std::max<int64_t>(1, std::min(changes.steps(), most / std::max<int64_t>(1, result->size())));
  return result;
}

}  // namespace lrp
