#include "lrp.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <optional>

#include "../error.h"
#include "../finite.h"
#include "../graph/image_sums.h"
#include "../graph/passes.h"
#include "../ops/other_input.h"
#include "../precision.h"
#include "token_lookup.h"

namespace lrp {

namespace {

/// The rules of a graph, and for each node what the rules may take for granted.
class Plan {
 public:
  Plan(const Graph& graph, const LrpOptions& options, bool nonnegative_network_input)
      : graph_(graph), rules_(graph.nodes().size()), treatments_(graph.nodes().size()) {
    if (options.rules) {
      for (const NodeRule& rule : *options.rules) {
        const auto pattern = options.patterns.find(rule.node);
        add_rule(static_cast<size_t>(graph.index(rule.node)), rule,
                 pattern == options.patterns.end() ? Tensor() : pattern->second);
      }
    }
    const auto signs = find_signs(graph, nonnegative_network_input);
    for (size_t i = 0; i < treatments_.size(); ++i) {
      Treatment& treatment = treatments_[i];
      treatment.rule = rules_[i].apply ? &rules_[i] : nullptr;
      treatment.nonnegative_input = signs[i].nonnegative_input;
      treatment.dead_below_zero = signs[i].below_relu && dead_below_relus(i) && !starts_relevance(i, options);
    }
    for (size_t i = 0; i < treatments_.size(); ++i) treatments_[i].in_place = may_overwrite(i);
  }

  const Treatment& operator[](size_t i) const { return treatments_[i]; }

 private:
  void add_rule(size_t i, const NodeRule& rule, const Tensor& pattern) {
    if (rule.rule == "gradient") return;
    if (rule.rule == "constant") {
      treatments_[i].held = true;
      return;
    }
    try {
      rules_[i] = make_rule(rule.rule, {rule.settings, pattern, rule.shares});
      names_[i] = rule.rule;
    } catch (const Error& error) {
      throw Error(error.code(), "node '" + graph_.nodes()[i].name + "', rule '" + rule.rule + "': " + error.what());
    }
  }

  /// Relevance that starts as an activation does so below zero too.
  bool starts_relevance(size_t i, const LrpOptions& options) const {
    return options.start == Start::activation &&
           std::any_of(options.concepts.begin(), options.concepts.end(), [&](const Concept& one) {
             return static_cast<size_t>(graph_.source(graph_.index(one.layer))) == i;
           });
  }

  /// Every ReLU above passes relevance on unchanged, and only from rules that multiply by their input.
  bool dead_below_relus(size_t i) const {
    const auto& relus = graph_.readers(static_cast<int>(i));
    return std::all_of(relus.begin(), relus.end(),
                       [this](int relu) { return rule_name(relu) == "pass" && vanishes_with_output(relu); });
  }

  bool vanishes_with_output(int i) const {
    const auto& readers = graph_.readers(i);
    return i != graph_.output() && std::all_of(readers.begin(), readers.end(), [this](int reader) {
             const auto index = static_cast<size_t>(reader);
             if (rules_[index].multiplies_by_input) return true;
             return graph_.nodes()[index].record.moves_values && vanishes_with_output(reader);
           });
  }

  /// The input's rule does not care for values below zero.
  bool may_overwrite(size_t i) const {
    if (!graph_.relu_may_overwrite(i) || rule_name(static_cast<int>(i)) != "pass") return false;
    const auto before = static_cast<size_t>(graph_.nodes()[i].inputs[0]);
    return rules_[before].apply && treatments_[before].dead_below_zero;
  }

  std::string rule_name(int i) const {
    const auto index = static_cast<size_t>(i);
    return rules_[index].apply ? names_.at(index) : "gradient";
  }

  const Graph& graph_;
  std::vector<Rule> rules_;
  std::map<size_t, std::string> names_;
  std::vector<Treatment> treatments_;
};

std::vector<LayerConservation> conservation_of(const Graph& graph, const Recorder& recorder) {
  std::vector<LayerConservation> result;
  for (const auto& [index, sums] : recorder.sums) {
    const Node& node = graph.nodes()[index];
    const auto or_zero = [&](const Tensor& t) { return t.defined() ? t : at::zeros_like(sums.arriving); };
    const Tensor propagated = or_zero(sums.propagated), bias = or_zero(sums.by_bias);
    result.push_back({node.name, sums.arriving, propagated, bias, sums.arriving - propagated - bias,
                      sums.arriving_magnitude, or_zero(sums.propagated_magnitude)});
  }
  return result;
}

/// The same again, only to find the node at fault.
[[noreturn]] void refuse_not_finite(const Graph& graph, const Tensor& input, LrpOptions options, const char* what) {
  if (!options.find_not_finite) {
    options.find_not_finite = true;
    explain(graph, input, options);
  }
  throw Error("NUMERIC", std::string(what) + " is not finite");
}

/// With a leading axis of explanations, even for a single one.
Tensor stacked(const std::vector<Tensor>& t) { return t.size() == 1 ? t[0].unsqueeze(0) : at::stack(t); }

Tensor joined(const std::vector<Tensor>& t) { return t.size() == 1 ? t[0] : at::stack(t); }

/// One map for all explanations.
Tensor joint_seed(const Target& target, const Tensor& output, Start start) {
  Tensor sum = target.seed(output, 0, start);
  for (int64_t t = 1; t < target.explanations(); ++t) sum = sum + target.seed(output, t, start);
  return sum;
}

ChannelValues joined_values(const std::vector<std::map<std::string, ChannelValues>>& found, const std::string& layer) {
  std::vector<Tensor> sums, largest, places;
  for (const auto& by_layer : found) {
    const ChannelValues& values = by_layer.at(layer);
    sums.push_back(values.sum);
    largest.push_back(values.largest);
    places.push_back(values.place);
  }
  return {joined(sums), joined(largest), joined(places)};
}

/// Where the images lie in the output of every node. One image shows this only in a batch of two: kNone if the file
/// accepts no such batch.
std::vector<BatchLayout> layouts_of(const Graph& graph, const Tensor& x) {
  if (x.size(0) > 1) return graph.batch_layouts(x);
  try {
    return graph.batch_layouts(at::cat({x, x}).detach());
  } catch (const std::exception&) {
    return std::vector<BatchLayout>(graph.nodes().size(), {BatchLayout::kNone});
  }
}

/// The relevance of a layer as [images, ...].
Tensor images_first(const Tensor& R, const std::string& layer, const BatchLayout& layout, int64_t images) {
  if (layout.axis != BatchLayout::kNone) return layout.images_first(R, images);
  if (images == 1) return R.size(0) == 1 ? R : R.unsqueeze(0);
  throw Error("UNSUPPORTED", "the network mixes the images of a batch in the layer '" + layer +
                                 "': explain one image at a time, or without the relevance of this layer");
}

}  // namespace

Tensor rows_of(const Node& further_input, const Tensor& x) {
  return further_input.op->forward({x.detach()}, Pass::of(x));
}

Explanation explain(const Graph& graph, const Tensor& input, const LrpOptions& options) {
  const at::AutoGradMode on(true);
  const Tensor x = input.detach().requires_grad_();
  const Plan plan(graph, options, input.ge(0).all().item<bool>());
  Recorder recorder;
  recorder.wanted.assign(graph.nodes().size(), false);
  const auto source = [&graph](const std::string& name) {
    return static_cast<size_t>(graph.source(graph.index(name)));
  };
  for (const auto& layer : options.layers) recorder.wanted[source(layer)] = true;
  std::vector<size_t> further;
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    if (!is_explained_input(graph.nodes()[i].op_name, graph.nodes()[i].attributes)) continue;
    further.push_back(i);
    recorder.wanted[i] = true;
  }
  recorder.conservation = options.conservation;
  recorder.top_k = options.top_k;
  recorder.find_not_finite = options.find_not_finite;
  recorder.cancel = options.cancel;
  recorder.images = x.size(0);
  recorder.autocast = Autocast::of_thread(x.device().type());
  std::optional<HeadRelevance> heads;
  if (options.attention) heads.emplace(graph, recorder);
  if (options.conservation || options.top_k < 1 || heads) recorder.layouts = graph.batch_layouts(x);

  const auto layouts = options.layers.empty() ? std::vector<BatchLayout>() : layouts_of(graph, x);
  const auto is_lookup = lookups_of(graph, options.lookups);
  Conditions conditions(graph, options.concepts, options.exclusive, options.channels);
  const Tensor output =
      graph.run(x, [&](size_t i, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
        Tensor result = propagate(i, node, inputs, pass, plan[i], recorder);
        if (is_lookup[i]) {
          result = look_up(x, result, options.times_embedding);
          if (recorder.wants(i)) result.register_hook([&, i](const Tensor& R) { recorder.relevance[i] = R; });
        }
        return conditions.attach(i, result, inputs, x.size(0));
      });
  if (!output.requires_grad()) {
    throw Error("UNSUPPORTED",
                "relevance cannot be propagated to an input of whole numbers, unless a table looks them up as tokens");
  }
  Explanation result;
  result.logits = output.detach();
  if (!all_finite(result.logits)) refuse_not_finite(graph, input, options, "the output of the network");
  result.target = options.fixed ? options.fixed : choose_target(options.target, result.logits, x.sizes());
  result.scores = result.target->scores(result.logits);

  std::vector<Tensor> maps, starts, start_sizes;
  std::map<std::string, std::vector<Tensor>> layers, inputs;
  std::vector<std::map<std::string, ChannelValues>> channels;
  std::vector<std::vector<AttentionRelevance>> attention;
  const int64_t count = options.together ? 1 : result.target->explanations();
  for (int64_t t = 0; t < count; ++t) {
    recorder.keep_for_more = t + 1 < count;
    for (const size_t i : further) recorder.relevance.erase(i);
    const Tensor seed = options.together ? joint_seed(*result.target, result.logits, options.start)
                                         : result.target->seed(result.logits, t, options.start);
    const ImageSums start = sums_of_images(seed, {}, seed.size(0));
    starts.push_back(start.sum);
    start_sizes.push_back(start.magnitude);
    maps.push_back(options.start == Start::activation ? conditions.backward_from_activation(x, recorder.keep_for_more)
                                                      : conditions.backward(output, x, seed, recorder.keep_for_more));
    if (!maps.back().defined()) maps.back() = at::zeros_like(x);
    if (!all_finite(maps.back())) refuse_not_finite(graph, input, options, "the relevance of the input");
    for (const size_t i : further) {
      const Node& node = graph.nodes()[i];
      const auto arrived = recorder.relevance.find(i);
      inputs[node.name].push_back(arrived == recorder.relevance.end() ? at::zeros_like(rows_of(node, x))
                                                                      : arrived->second);
      if (!all_finite(inputs[node.name].back())) {
        refuse_not_finite(graph, input, options, "the relevance of a further input");
      }
    }
    for (const auto& layer : options.layers) {
      const Tensor& R = recorder.relevance[source(layer)];
      layers[layer].push_back(R.defined() ? images_first(R, layer, layouts[source(layer)], x.size(0)) : R);
    }
    channels.push_back(conditions.relevance());
    if (heads) attention.push_back(heads->last());
    if (recorder.conservation) result.conservation = conservation_of(graph, recorder);
    recorder.conservation = false;
  }
  result.relevance = joined(maps);
  result.starts = stacked(starts);
  result.start_sizes = stacked(start_sizes);
  for (const auto& layer : options.channels) result.channel_relevance[layer] = joined_values(channels, layer);
  result.attention = joined_attention(attention);
  result.channel_activation = conditions.activation();
  for (const auto& [name, tensors] : inputs) result.inputs[name] = joined(tensors);
  for (const auto& [name, tensors] : layers) {
    if (tensors[0].defined()) result.layers[name] = joined(tensors);
  }
  return result;
}

}  // namespace lrp
