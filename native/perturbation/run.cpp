#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "start.h"

namespace lrp {

namespace {

/// Numbers that a pass takes in behind layers that were computed in part: each pass reads all weights once.
constexpr int64_t kNumbersPerPass = 2500000;

class AtInput : public Start {
 public:
  explicit AtInput(const Changes& changes) : changes_(changes), image_(changes) {}
  bool skips(int) const override { return false; }
  std::map<int, Tensor> outputs(int64_t from, int64_t to) override {
    auto shape = changes_.images.sizes().vec();
    shape[0] = to - from;
    Tensor images = at::empty(shape);
    const int64_t size = changes_.size();
    for (int64_t i = 0; i < to - from; ++i) {
      std::memcpy(images.data_ptr<float>() + i * size, image_.next(), static_cast<size_t>(size) * sizeof(float));
    }
    return {{kInput, images}};
  }

 private:
  const Changes& changes_;
  ChangingImage image_;
};

/// Steps of one image as changes of their own.
Changes of_one_image(const Changes& all, int64_t from, int64_t to) {
  const int64_t first = all.begin(from), count = all.end(to - 1) - first;
  return {all.images.narrow(0, all.owner(from), 1), at::zeros({to - from}, at::kInt),
          all.ends.narrow(0, from, to - from) - first, all.places.narrow(0, first, count),
          all.values.narrow(0, first, count)};
}

/// The rows of further inputs for these steps.
std::map<std::string, Tensor> rows_of(const Changes& changes, int64_t from, int64_t to) {
  auto rows = *changes.inputs;
  for (auto& [name, tensor] : rows) tensor = tensor.index_select(0, changes.owners.slice(0, from, to));
  return rows;
}

/// Runs what the start leaves to run.
void run_rest(const Model& model, const Graph& graph, Start& start, const Changes& changes, int64_t batch_size,
              const CancelToken& cancel, std::vector<Tensor>& results) {
  for (int64_t from = 0; from < changes.steps(); from += batch_size) {
    cancel.check();
    const int64_t to = std::min(from + batch_size, changes.steps());
    auto known = start.outputs(from, to);
    auto shape = changes.images.sizes().vec();
    shape[0] = to - from;
    const auto images = known.find(kInput);
    // nobody reads images that are not there
    const Tensor given = images == known.end() ? at::empty({1}).expand(shape) : images->second;
    const Tensor input = given.to(model.device(), model.dtype());
    known.erase(kInput);
    std::optional<Graph> own;
    if (changes.inputs) own = graph.with_inputs(model.prepare(rows_of(changes, from, to)));
    results.push_back(
        (own ? *own : graph)
            .run(input, [&](size_t i, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
              if (start.skips(static_cast<int>(i))) return known[static_cast<int>(i)];
              if (graph.relu_may_overwrite(i)) return Tensor(inputs[0]).relu_();
              return node.op->forward(inputs, pass);
            }));
  }
}

}  // namespace

std::unique_ptr<Start> start_at_input(const Changes& changes) { return std::make_unique<AtInput>(changes); }

Tensor run_changes(const Model& model, const Changes& changes, const ChangesOptions& options,
                   const CancelToken& cancel) {
  const at::NoGradGuard no_grad;
  changes.check();
  const auto graph = model.explained();
  const Precision precision = model.precision();
  const bool exact = !changes.inputs && model.device().is_cpu() && model.dtype() == at::kFloat &&
                     Autocast::of_thread(c10::kCPU) == c10::ScalarType::Undefined;
  std::vector<Tensor> results;
  for (int64_t from = 0, to = 0; exact && !options.fixed_batch && from < changes.steps(); from = to) {
    while (to < changes.steps() && changes.owner(to) == changes.owner(from)) ++to;
    const Changes own = of_one_image(changes, from, to);
    int64_t batch_size = 0;
    const auto start = start_after_windows(*graph, own, cancel, kNumbersPerPass, batch_size);
    if (!start) {
      results.clear();
      break;
    }
    run_rest(model, *graph, *start, own, batch_size, cancel, results);
  }
  if (results.empty()) {
    auto start = exact ? start_after_first_layer(*graph, changes) : nullptr;
    if (!start) start = start_at_input(changes);
    run_rest(model, *graph, *start, changes, options.batch_size, cancel, results);
  }
  return (results.size() == 1 ? results[0] : at::cat(results)).cpu();
}

}  // namespace lrp
