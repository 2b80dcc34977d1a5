#include "attribute_binding.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "../attribution/method.h"
#include "../device.h"
#include "../error.h"
#include "async.h"
#include "concept_binding.h"
#include "rule_fields.h"
#include "values.h"

namespace lrp::node {

namespace {

/// One layer under one rule: LayerCall of src/native/types.ts.
struct LayerCall {
  std::string op;
  Attributes attributes;
  std::map<std::string, Tensor> parameters;
  std::vector<Tensor> inputs;
  Tensor relevance;
  std::string rule;
  Attributes settings;
  std::optional<std::vector<Share>> shares;
  std::optional<Tensor> pattern;
  size_t input;  // whose relevance is wanted
  std::string device;
};

constexpr auto fields(const LayerCall*) {
  return std::make_tuple(field("op", &LayerCall::op), field("attributes", &LayerCall::attributes),
                         field("parameters", &LayerCall::parameters), field("inputs", &LayerCall::inputs),
                         field("relevance", &LayerCall::relevance), field("rule", &LayerCall::rule),
                         field("ruleParameters", &LayerCall::settings), field("shares", &LayerCall::shares),
                         field("pattern", &LayerCall::pattern), field("input", &LayerCall::input),
                         field("device", &LayerCall::device));
}

/// Patterns come by the names of the nodes whose rules need them.
std::vector<NodeRule> rules_from(const Napi::Object& options) {
  auto rules =
      read<std::optional<std::vector<NodeRule>>>(options.Get("rules"), "the rules").value_or(std::vector<NodeRule>());
  const auto patterns = read<std::optional<std::map<std::string, Tensor>>>(options.Get("patterns"), "the patterns");
  for (NodeRule& rule : rules) {
    const auto found = patterns ? patterns->find(rule.node) : std::map<std::string, Tensor>::const_iterator();
    if (patterns && found != patterns->end()) rule.pattern = found->second;
  }
  return rules;
}

Tensor targets_from(const Napi::Object& options) {
  const Napi::Value targets = options.Get("targets");
  return targets.IsObject() ? tensor_copy(targets, "targets").to(at::kLong) : Tensor();
}

Method method_from(const Napi::Object& options) {
  Method method;
  method.name = text_from(options, "method", "lrp");
  method.lrp.rules = rules_from(options);
  method.lrp.targets = targets_from(options);
  method.lrp.together = flag_from(options, "together", false);
  method.lrp.start = start_from(text_from(options, "start", "logit"));
  method.lrp.concepts = concepts_from(options.Get("concepts"));
  method.lrp.exclusive = flag_from(options, "exclusive", false);
  method.lrp.channels = strings_from(options.Get("channels"));
  method.lrp.layers = strings_from(options.Get("layers"));
  method.lrp.top_k = number_from(options, "topK", 1);
  method.lrp.conservation = flag_from(options, "conservation", false);
  method.steps = static_cast<int64_t>(number_from(options, "steps", 20));
  method.noise = number_from(options, "noise", 0.1);
  method.window = static_cast<int64_t>(number_from(options, "window", 4));
  method.stride = static_cast<int64_t>(number_from(options, "stride", 0));
  method.layer = text_from(options, "layer", "");
  method.seed = static_cast<uint64_t>(number_from(options, "seed", 0));
  if (!(method.lrp.top_k > 0 && method.lrp.top_k <= 1)) {
    throw Error("INVALID_ARGUMENT", "topK must be above 0 and at most 1");
  }
  if (method.steps < 1 || method.window < 1) throw Error("INVALID_ARGUMENT", "steps and window must be 1 or more");
  return method;
}

Napi::Value to_object(Napi::Env env, const Explanation& explanation) {
  auto object = Napi::Object::New(env);
  object["relevance"] = float_tensor(env, explanation.relevance);
  object["logits"] = float_tensor(env, explanation.logits);
  object["targets"] = int32_array(env, explanation.targets);
  object["sums"] = float64_array(env, explanation.sums);
  object["layers"] = float_tensors(env, explanation.layers);
  object["channels"] = channels_object(env, explanation);
  auto conservation = Napi::Array::New(env, explanation.conservation.size());
  for (size_t i = 0; i < explanation.conservation.size(); ++i) {
    const auto& layer = explanation.conservation[i];
    auto entry = Napi::Object::New(env);
    entry["node"] = Napi::String::New(env, layer.node);
    entry["arriving"] = float64_array(env, layer.arriving);
    entry["handedOn"] = float64_array(env, layer.handed_on);
    entry["absorbedByBias"] = float64_array(env, layer.by_bias);
    entry["absorbedByStabiliser"] = float64_array(env, layer.by_stabiliser);
    conservation[static_cast<uint32_t>(i)] = entry;
  }
  object["conservation"] = conservation;
  return object;
}

/// Copied here and not where JavaScript runs, which would wait for the device.
void move_to_cpu(Explanation& e) {
  for (Tensor* tensor : {&e.relevance, &e.logits, &e.targets, &e.sums}) *tensor = tensor->cpu().contiguous();
  for (auto& [name, tensor] : e.layers) tensor = tensor.cpu();
  channels_to_cpu(e);
  if (e.conservation.empty()) return;
  std::vector<Tensor> sums;
  for (const auto& layer : e.conservation) {
    sums.insert(sums.end(), {layer.arriving, layer.handed_on, layer.by_bias, layer.by_stabiliser});
  }
  const auto here = at::stack(sums).cpu().unbind(0);  // one copy for all layers
  for (size_t i = 0; i < e.conservation.size(); ++i) {
    auto& layer = e.conservation[i];
    layer = {layer.node, here[4 * i], here[4 * i + 1], here[4 * i + 2], here[4 * i + 3]};
  }
}

/// One layer under one rule, by the same path a network takes.
Tensor relevance_of_layer(const LayerCall& call) {
  Node node{"layer", call.op, std::vector<int>(call.inputs.size(), kInput), call.attributes, {}, call.parameters,
            nullptr, {}};
  build_op(node);
  const at::AutoGradMode on(true);
  std::vector<Tensor> leaves;
  for (const Tensor& input : call.inputs) leaves.push_back(input.detach().requires_grad_());
  Recorder recorder;
  recorder.wanted = {false};
  Treatment treatment;
  Rule made;
  if (call.rule != "gradient") {
    made = make_rule(call.rule, {call.settings, call.pattern.value_or(Tensor()), call.shares});
    treatment.rule = &made;
    treatment.nonnegative_input = call.inputs.at(0).ge(0).all().item<bool>();
  }
  const Tensor output = propagate(0, node, leaves, Pass::of(leaves.at(0)), treatment, recorder);
  return torch::autograd::grad({output}, {leaves.at(call.input)}, {call.relevance})[0];
}

}  // namespace

Napi::Value attribute_async(Napi::Env env, std::shared_ptr<Model> model, Napi::Value weights_owner, Napi::Value input,
                            Napi::Object options) {
  auto method = std::make_shared<Method>(method_from(options));
  auto cancel = CancelHandle::token_of(options);
  method->lrp.cancel = cancel.get();
  return run_async(env, {input, weights_owner, options},
                   [model, method, cancel, plain = flag_from(options, "plain", false),
                    x = tensor_over(input, "the input")]() -> Finish {
                     const std::shared_lock<std::shared_mutex> lock(model->weights_mutex());
                     for (NodeRule& rule : method->lrp.rules) {
                       if (rule.pattern.defined()) rule.pattern = rule.pattern.to(model->device(), at::kFloat);
                     }
                     const auto optimised = plain ? nullptr : model->explained();
                     const Graph& graph = plain ? model->graph() : *optimised;
                     Explanation explanation = attribute(graph, model->prepare(x), *method);
                     move_to_cpu(explanation);
                     return [explanation](Napi::Env env) { return to_object(env, explanation); };
                   });
}

Napi::Value explain_layer(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto call = std::make_shared<LayerCall>(read<LayerCall>(info[0], "the layer"));
    const c10::Device device = device_called(call->device);
    const auto move = [device](Tensor& tensor) { tensor = tensor.to(device, tensor.scalar_type(), false, true); };
    for (auto& [role, tensor] : call->parameters) move(tensor);
    for (Tensor& tensor : call->inputs) move(tensor);
    move(call->relevance);
    if (call->pattern) move(*call->pattern);
    return run_async(info.Env(), {}, [call]() -> Finish {
      const Tensor result = relevance_of_layer(*call).cpu();
      return [result](Napi::Env env) -> Napi::Value { return raw_tensor(env, result); };
    });
  });
}

}  // namespace lrp::node
