#include "attribute_binding.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "../attribution/methods/method.h"
#include "../device.h"
#include "../error.h"
#include "../side_by_side.h"
#include "async.h"
#include "concept_binding.h"
#include "pass_thread.h"
#include "rule_fields.h"
#include "rules_binding.h"
#include "values.h"

namespace lrp::node {

namespace {

/// One layer under one rule: LayerCall of src/native/addon.ts.
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

/// AttributePass of src/native/attribute-types.ts.
struct AttributePass {
  Tensor images;
  std::string method;
  Attributes settings;
  std::optional<Tensor> baseline;
  std::optional<std::map<std::string, Tensor>> inputs;  // rows of the further inputs
  TargetSettings target;
  std::vector<std::string> layers;
  std::optional<std::vector<std::string>> lookups;
  std::optional<LrpOptions> lrp;
  std::optional<std::map<std::string, Tensor>> patterns;
};

constexpr auto fields(const AttributePass*) {
  return std::make_tuple(field("images", &AttributePass::images), field("method", &AttributePass::method),
                         field("settings", &AttributePass::settings), field("baseline", &AttributePass::baseline),
                         field("inputs", &AttributePass::inputs), field("target", &AttributePass::target),
                         field("layers", &AttributePass::layers), field("lookups", &AttributePass::lookups),
                         field("lrp", &AttributePass::lrp), field("patterns", &AttributePass::patterns));
}

/// What LRP is asked, with what holds for every method.
LrpOptions lrp_options(const AttributePass& pass, const Model& model) {
  LrpOptions lrp = pass.lrp.value_or(LrpOptions());
  lrp.target = pass.target;
  lrp.layers = pass.layers;
  if (pass.lookups) lrp.lookups = *pass.lookups;
  if (!(lrp.top_k > 0 && lrp.top_k <= 1))
    throw Error("INVALID_ARGUMENT", "option 'topK' must be above 0 and at most 1");
  if (!pass.patterns || !lrp.rules) return lrp;
  for (const NodeRule& rule : *lrp.rules) {
    const auto found = pass.patterns->find(rule.node);
    if (found != pass.patterns->end()) {
      lrp.patterns[rule.node] = found->second.to(model.device(), model.dtype());
    }
  }
  return lrp;
}

/// JavaScript may change its arrays while the job runs.
void own(AttributePass& pass) {
  pass.images = pass.images.clone();
  if (pass.baseline) pass.baseline = pass.baseline->clone();
  if (pass.inputs) pass.inputs = copies(*pass.inputs);
  TargetSettings& target = pass.target;
  for (auto* tensor : {&target.classes, &target.against, &target.boxes, &target.reference, &target.seed}) {
    if (*tensor) *tensor = (*tensor)->clone();
  }
  if (target.region && target.region->mask) target.region->mask = target.region->mask->clone();
}

Napi::Value to_object(Napi::Env env, const Explanation& explanation) {
  auto object = write(env, explanation).As<Napi::Object>();
  object["channels"] = channels_object(env, explanation);
  const Target& target = *explanation.target;
  object["targets"] = int32_array(env, target.classes.cpu());
  if (target.against.defined()) object["against"] = int32_array(env, target.against.cpu());
  if (target.boxes.defined()) object["boxes"] = int32_array(env, target.boxes.cpu());
  if (target.regions.defined()) object["regions"] = raw_tensor(env, target.regions.cpu().contiguous());
  return object;
}

/// Copied here and not where JavaScript runs, which would wait for the device.
void move_to_cpu(Explanation& e) {
  for (Tensor* tensor : {&e.relevance, &e.logits, &e.sums, &e.magnitudes, &e.scores, &e.starts, &e.start_sizes}) {
    if (tensor->defined()) *tensor = tensor->cpu().contiguous();
  }
  for (auto* tensors : {&e.inputs, &e.layers}) {
    for (auto& [name, tensor] : *tensors) tensor = tensor.cpu();
  }
  channels_to_cpu(e);
  for (auto& one : e.attention) {
    for (Tensor* tensor : {&one.tokens, &one.heads, &one.head_tokens}) *tensor = tensor->cpu().contiguous();
  }
  std::vector<Tensor*> sums;
  for (auto& layer : e.conservation) {
    sums.insert(sums.end(), {&layer.arriving, &layer.propagated, &layer.by_bias, &layer.by_stabiliser,
                             &layer.arriving_magnitude, &layer.propagated_magnitude});
  }
  if (sums.empty()) return;
  std::vector<Tensor> there;
  for (const Tensor* sum : sums) there.push_back(*sum);
  const auto here = at::stack(there).cpu().unbind(0);  // one copy for all layers
  for (size_t i = 0; i < sums.size(); ++i) *sums[i] = here[i];
}

/// One layer under one rule, by the same path a network takes.
Tensor relevance_of_layer(const LayerCall& call) {
  Node node;
  node.name = "layer";
  node.op_name = call.op;
  node.inputs.assign(call.inputs.size(), kInput);
  node.attributes = call.attributes;
  node.parameters = call.parameters;
  build_op(node);
  const at::AutoGradMode on(true);
  std::vector<Tensor> leaves;
  for (const Tensor& input : call.inputs) leaves.push_back(input.detach().requires_grad_(input.is_floating_point()));
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
  const Tensor& input = leaves.at(call.input);
  const Tensor result = torch::autograd::grad({output}, {input}, {call.relevance}, std::nullopt, false, true)[0];
  return result.defined() ? result : at::zeros_like(input);
}

Explanation run(const Model& model, const Graph& shared, const AttributePass& pass, const CancelToken& cancel) {
  const Precision precision = model.precision();
  LrpOptions lrp = lrp_options(pass, model);
  lrp.cancel = &cancel;
  std::optional<Graph> given;
  if (pass.inputs) given = shared.with_inputs(model.prepare(*pass.inputs));
  const Graph& graph = given ? *given : shared;
  const Tensor baseline = pass.baseline ? model.prepare(*pass.baseline) : Tensor();
  Explanation explanation = attribute(pass.method, {graph, model.prepare(pass.images), pass.settings, baseline, lrp});
  move_to_cpu(explanation);
  return explanation;
}

}  // namespace

Napi::Value attribute_async(Napi::Env env, std::shared_ptr<Model> model, Napi::Value weights_owner, Napi::Value passes,
                            Napi::Object options, bool plain) {
  auto own_passes =
      std::make_shared<std::vector<AttributePass>>(read<std::vector<AttributePass>>(passes, "the passes"));
  for (AttributePass& pass : *own_passes) own(pass);
  return run_pass(env, {weights_owner, passes},
                  [model, passes = own_passes, cancel = CancelHandle::token_of(options), plain]() -> Finish {
                    const std::shared_lock<std::shared_mutex> lock(model->weights_mutex());
                    const auto optimised = plain ? nullptr : model->explained();
                    auto explanations = std::make_shared<std::vector<Explanation>>(passes->size());
                    run_side_by_side(static_cast<int64_t>(passes->size()), [&](int64_t i) {
                      const auto at = static_cast<size_t>(i);
                      (*explanations)[at] = run(*model, plain ? model->graph() : *optimised, (*passes)[at], *cancel);
                    });
                    return [explanations](Napi::Env env) -> Napi::Value {
                      auto list = Napi::Array::New(env, explanations->size());
                      for (uint32_t i = 0; i < list.Length(); ++i) list[i] = to_object(env, (*explanations)[i]);
                      return list;
                    };
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
