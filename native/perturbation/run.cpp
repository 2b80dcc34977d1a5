#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "../side_by_side.h"
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

/// Steps `from` to `to`, all steps of their images, as changes of their own.
Changes some_of(const Changes& all, int64_t from, int64_t to) {
  const int64_t first = all.begin(from), count = all.end(to - 1) - first, image = all.owner(from);
  return {all.images.narrow(0, image, all.owner(to - 1) - image + 1), all.owners.narrow(0, from, to - from) - image,
          all.ends.narrow(0, from, to - from) - first, all.places.narrow(0, first, count),
          all.values.narrow(0, first, count)};
}

/// The rows of further inputs for these steps.
std::map<std::string, Tensor> rows_of(const Changes& changes, int64_t from, int64_t to) {
  auto rows = *changes.inputs;
  for (auto& [name, tensor] : rows) tensor = tensor.index_select(0, changes.owners.slice(0, from, to));
  return rows;
}

/// The output for steps `from` to `to`; `known` are the outputs of the nodes that the start skips.
Tensor run_rest(const Model& model, const Graph& graph, const Start& start, const Changes& changes, int64_t from,
                int64_t to, std::map<int, Tensor> known) {
  const at::NoGradGuard no_grad;
  const Precision precision = model.precision();
  auto shape = changes.images.sizes().vec();
  shape[0] = to - from;
  const auto images = known.find(kInput);
  // nobody reads images that are not there
  const Tensor given = images == known.end() ? at::empty({1}).expand(shape) : images->second;
  const Tensor input = given.to(model.device(), model.dtype());
  std::optional<Graph> own;
  if (changes.inputs) own = graph.with_inputs(model.prepare(rows_of(changes, from, to)));
  return (own ? *own : graph)
      .run(input, [&](size_t i, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
        if (start.skips(static_cast<int>(i))) return known[static_cast<int>(i)];
        if (graph.relu_may_overwrite(i)) return Tensor(inputs[0]).relu_();
        return node.op->forward(inputs, pass);
      });
}

/// Runs what the start leaves to run, in batches of about the same size.
void run_batches(const Model& model, const Graph& graph, Start& start, const Changes& changes,
                 const ChangesOptions& options, const CancelToken& cancel, std::vector<Tensor>& results) {
  const int64_t steps = changes.steps(), most = options.batch_size, batches = (steps + most - 1) / most;
  for (int64_t batch = 0; batch < batches; ++batch) {
    cancel.check();
    const bool fixed = options.fixed_batch;
    const int64_t from = fixed ? batch * most : first_of_pass(batch, batches, steps);
    const int64_t to = fixed ? std::min(from + most, steps) : first_of_pass(batch + 1, batches, steps);
    const auto known = start.outputs(from, to);
    const int64_t passes = fixed ? 1 : model.passes_for(to - from);
    const size_t first = results.size();
    results.resize(first + static_cast<size_t>(passes));
    run_side_by_side(passes, [&](int64_t i) {
      const int64_t begin = first_of_pass(i, passes, to - from), end = first_of_pass(i + 1, passes, to - from);
      auto own = known;
      for (auto& [node, output] : own) output = output.slice(0, begin, end);
      results[first + static_cast<size_t>(i)] =
          run_rest(model, graph, start, changes, from + begin, from + end, std::move(own));
    });
  }
}

/// The output after every step, each of which goes through the network.
Tensor run_all(const Model& model, const Changes& changes, const ChangesOptions& options, const CancelToken& cancel) {
  const auto graph = model.explained();
  const bool exact = !changes.inputs && model.device().is_cpu() && model.computes_float32();
  std::vector<Tensor> results;
  for (int64_t from = 0, to = 0; exact && !options.fixed_batch && from < changes.steps(); from = to) {
    while (to < changes.steps() && changes.owner(to) == changes.owner(from)) ++to;
    const Changes own = some_of(changes, from, to);
    int64_t batch_size = 0;
    const auto start = start_after_windows(*graph, own, cancel, kNumbersPerPass, batch_size);
    if (!start) {
      results.clear();
      break;
    }
    run_batches(model, *graph, *start, own, {batch_size, false}, cancel, results);
  }
  if (results.empty()) {
    // of enough images, each thread takes some
    const int64_t images = changes.images.size(0);
    const bool together = changes.inputs || options.fixed_batch;
    const int64_t passes = together ? 1 : model.passes_for(images);
    std::vector<std::vector<Tensor>> of_pass(static_cast<size_t>(passes));
    run_side_by_side(passes, [&](int64_t i) {
      const at::NoGradGuard none;
      const auto first_step = [&](int64_t pass) {
        const int32_t* owners = Changes::ints(changes.owners);
        return std::lower_bound(owners, owners + changes.steps(), first_of_pass(pass, passes, images)) - owners;
      };
      const Changes own = passes == 1 ? changes : some_of(changes, first_step(i), first_step(i + 1));
      auto start = exact ? start_after_first_layer(*graph, own) : nullptr;
      if (!start) start = start_at_input(own);
      run_batches(model, *graph, *start, own, options, cancel, of_pass[static_cast<size_t>(i)]);
    });
    for (const auto& outputs : of_pass) results.insert(results.end(), outputs.begin(), outputs.end());
  }
  return results.size() == 1 ? results[0] : at::cat(results);
}

}  // namespace

std::unique_ptr<Start> start_at_input(const Changes& changes) { return std::make_unique<AtInput>(changes); }

Tensor run_changes(const Model& model, const Changes& changes, const ChangesOptions& options,
                   const CancelToken& cancel) {
  const at::NoGradGuard no_grad;
  changes.check();
  if (options.fixed_batch || !model.images_are_alone()) return run_all(model, changes, options, cancel).cpu();
  const EffectiveSteps effective = effective_steps(changes);
  const Tensor outputs = run_all(model, effective.changes, options, cancel).cpu();
  return effective.changes.steps() == changes.steps() ? outputs : outputs.index_select(0, effective.same_as);
}

}  // namespace lrp
