#include "propagate.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <limits>

#include "../error.h"
#include "../finite.h"
#include "../graph/image_sums.h"
#include "../precision.h"

namespace lrp {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What a layer's forward pass leaves for its backward pass.
struct Application : torch::CustomClassHolder {
  size_t index;
  const Node* node;
  Pass pass;
  Treatment treatment;
  Recorder* recorder;
  std::vector<Tensor> inputs;
  std::vector<bool> explained;
  Tensor output;
};

/// Only linear layers and sums share relevance out; others hand it on.
void record_sums(const Application& a, const Tensor& arriving, const std::vector<Tensor>& propagated,
                 const Absorbed& absorbed) {
  const Recorder& recorder = *a.recorder;
  const BatchLayout layout = recorder.layout(static_cast<int>(a.index));
  const bool shares_out = a.node->op->linear() || a.node->record.kind == "sum";
  if (!shares_out || layout.axis == BatchLayout::kNone) return;
  const auto add = [](Tensor& sum, const Tensor& more) { sum = sum.defined() ? sum + more : more; };
  const ImageSums arrived = sums_of_images(arriving, layout, recorder.images);
  LayerSums sums{arrived.sum, {}, absorbed.by_bias, arrived.magnitude, {}};
  for (size_t i = 0; i < propagated.size(); ++i) {
    const BatchLayout of_input = recorder.layout(a.node->inputs[i]);
    if (!a.explained[i] || !propagated[i].defined() || of_input.axis == BatchLayout::kNone) continue;
    const ImageSums left = sums_of_images(propagated[i], of_input, recorder.images);
    add(sums.propagated, left.sum);
    add(sums.propagated_magnitude, left.magnitude);
  }
  a.recorder->sums[a.index] = sums;
}

/// Within the graph's pass, which names the node.
void check_output(const Tensor& output) {
  if (!output.is_floating_point() || output.numel() == 0) return;
  const double highest = output.max().item<double>();  // NaN if there is one; attention masks hold -inf on purpose
  if (std::isnan(highest) || highest == std::numeric_limits<double>::infinity()) {
    throw Error("NUMERIC", "the output is not finite");
  }
}

void check_relevance(const Node& node, const Tensor& R) {
  if (R.defined() && !all_finite(R)) {
    throw Error("NUMERIC",
                "node '" + node.name + "' (" + node.op_name +
                    "): the relevance is not finite; try a larger epsilon, which keeps denominators away from 0");
  }
}

Tensor run(const Application& a) {
  if (!a.treatment.in_place) return a.node->op->forward(a.inputs, a.pass);
  Tensor same_memory = a.inputs[0];
  return same_memory.relu_();
}

/// What a rule cannot do is told with the node's name.
std::vector<Tensor> applied(const Application& a, const Layer& layer, const Tensor& R) {
  try {
    return a.treatment.rule->apply(layer, R);
  } catch (const Error& error) {
    throw Error(error.code(), "node '" + a.node->name + "' (" + a.node->op_name + "): " + error.what());
  } catch (const c10::Error& error) {
    const std::string message = first_line(error.what_without_backtrace());
    throw Error(code_of(message, "UNSUPPORTED"),
                "node '" + a.node->name + "' (" + a.node->op_name + "): relevance cannot be propagated: " + message);
  }
}

struct Propagate : torch::autograd::Function<Propagate> {
  static Tensor forward(AutogradContext* context, c10::intrusive_ptr<Application> a, at::TensorList inputs) {
    for (const Tensor& input : inputs) {
      a->inputs.push_back(input.detach());
      a->explained.push_back(input.requires_grad());
    }
    const Tensor result = run(*a);
    const auto same = [&](const Tensor& input) { return input.is_same(result); };
    const bool is_input = std::any_of(a->inputs.begin(), a->inputs.end(), same);
    a->output = result.detach();  // detached: no cycle between the result and its own history
    context->saved_data["layer"] = at::IValue::make_capsule(a);
    return is_input ? result.alias() : result;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto holder = context->saved_data["layer"].toCapsule();
    auto& a = static_cast<Application&>(*holder);
    Recorder& recorder = *a.recorder;
    const Autocast autocast(recorder.autocast, a.pass.device.type());
    if (recorder.cancel) recorder.cancel->check();
    Tensor R = gradients[0];
    if (recorder.top_k < 1 && is_weighted(*a.node)) {
      R = keep_strongest(R, recorder.top_k, recorder.layout(static_cast<int>(a.index)), recorder.images);
    }
    if (recorder.wants(a.index)) recorder.relevance[a.index] = R;
    Absorbed absorbed;
    const Layer layer{*a.node->op,
                      a.node->op_name,
                      a.pass,
                      a.inputs,
                      a.explained,
                      a.output,
                      a.treatment.nonnegative_input,
                      a.treatment.dead_below_zero,
                      recorder.conservation ? &absorbed : nullptr,
                      recorder.layout(static_cast<int>(a.index)),
                      recorder.images};
    if (!recorder.keep_for_more) {  // what the layer object holds is now all that keeps these alive
      a.inputs.clear();
      a.output.reset();
    }
    std::vector<Tensor> propagated = applied(a, layer, R);
    if (recorder.conservation) record_sums(a, R, propagated, absorbed);
    if (recorder.find_not_finite) {
      for (const Tensor& one : propagated) check_relevance(*a.node, one);
    }
    variable_list result{Tensor()};  // for the application itself
    for (size_t i = 0; i < a.explained.size(); ++i) {
      result.push_back(a.explained[i] && i < propagated.size() ? propagated[i] : Tensor());
    }
    return result;
  }
};

Tensor by_plain_autograd(size_t index, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass,
                         Recorder& recorder) {
  Tensor result = node.op->forward(inputs, pass);
  if ((recorder.wants(index) || recorder.find_not_finite) && result.requires_grad()) {
    if (!inputs.empty() && result.is_same(inputs[0])) result = result.alias();
    result.register_hook([index, &node, &recorder](const Tensor& R) {
      if (recorder.find_not_finite) check_relevance(node, R);
      if (recorder.wants(index)) recorder.relevance[index] = R;
    });
  }
  return result;
}

Tensor by_rule(size_t index, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass,
               const Treatment& treatment, Recorder& recorder) {
  auto application = c10::make_intrusive<Application>();
  application->index = index;
  application->node = &node;
  application->pass = pass;
  application->treatment = treatment;
  application->recorder = &recorder;
  return Propagate::apply(application, at::TensorList(inputs));
}

}  // namespace

Tensor propagate(size_t index, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass,
                 const Treatment& treatment, Recorder& recorder) {
  if (recorder.cancel) recorder.cancel->check();
  const Tensor result = treatment.held   ? node.op->forward(inputs, pass).detach()
                        : treatment.rule ? by_rule(index, node, inputs, pass, treatment, recorder)
                                         : by_plain_autograd(index, node, inputs, pass, recorder);
  if (recorder.find_not_finite) check_output(result);
  return result;
}

Tensor keep_strongest(const Tensor& relevance, double share, const BatchLayout& layout, int64_t images) {
  if (layout.axis == BatchLayout::kNone) return relevance;
  const Tensor flat = layout.by_image(relevance, images);
  const auto kept = static_cast<int64_t>(std::ceil(share * static_cast<double>(flat.size(1))));
  const Tensor strongest = std::get<1>(flat.abs().topk(std::max<int64_t>(kept, 1), 1));
  const Tensor result = at::zeros_like(flat).scatter_(1, strongest, flat.gather(1, strongest));
  return layout.from_image(result, relevance.sizes());
}

}  // namespace lrp
