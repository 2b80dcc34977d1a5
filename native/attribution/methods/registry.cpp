#include <ATen/ATen.h>

#include <map>

#include "../../error.h"
#include "../../finite.h"
#include "../../graph/image_sums.h"
#include "method.h"

namespace lrp {

namespace {

/// Every method there is: one line each.
const std::map<std::string, Explanation (*)(const MethodArguments&)>& methods() {
  static const std::map<std::string, Explanation (*)(const MethodArguments&)> table{
      {"lrp", by_lrp},
      {"gradient", by_gradient},
      {"input-x-gradient", by_input_x_gradient},
      {"integrated-gradients", by_integrated_gradients},
      {"smoothgrad", by_smoothgrad},
      {"occlusion", by_occlusion},
      {"grad-cam", by_grad_cam},
      {"attention-rollout", by_attention_rollout},
      {"chefer", by_chefer},
      {"random", by_random},
  };
  return table;
}

}  // namespace

Explanation attribute(const std::string& method, const MethodArguments& a) {
  const auto found = methods().find(method);
  if (found == methods().end()) {
    throw Error("INVALID_ARGUMENT", "there is no attribution method '" + method + "'");
  }
  Explanation result = found->second(a);
  if (!all_finite(result.logits)) throw Error("NUMERIC", "the output of the network is not finite");
  if (!all_finite(result.relevance)) throw Error("NUMERIC", "the attribution by " + method + " is not finite");
  if (!result.starts.defined()) result.starts = result.start_sizes = at::empty({0}, at::kDouble);
  const int64_t batch = a.x.size(0);
  const int64_t maps = result.relevance.numel() / a.x.numel() * batch;
  const auto add = [&](const Tensor& relevance) {
    const ImageSums sums = sums_of_images(relevance.reshape({maps, -1}), {}, maps);
    const auto total = [&](const Tensor& before, const Tensor& more) {
      const Tensor shaped = more.view({-1, batch});
      return before.defined() ? before + shaped : shaped;
    };
    result.sums = total(result.sums, sums.sum);
    result.magnitudes = total(result.magnitudes, sums.magnitude);
  };
  add(result.relevance);
  for (const auto& [name, relevance] : result.inputs) add(relevance);
  return result;
}

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const auto& [name, run] : methods()) names.push_back(name);
  return names;
}

Explanation by_lrp(const MethodArguments& a) { return explain(a.graph, a.x, a.lrp); }

Explanation asked(const MethodArguments& a) {
  const at::NoGradGuard no_grad;
  Explanation result;
  result.logits = a.graph.forward(a.x);
  result.target = choose_target(a.lrp.target, result.logits, a.x.sizes());
  result.scores = result.target->scores(result.logits);
  return result;
}

Tensor checked_baseline(const MethodArguments& a) {
  if (!a.baseline.defined()) throw Error("INVALID_ARGUMENT", "this method needs a baseline: pass option 'baseline'");
  const bool fits = a.baseline.sizes().slice(1) == a.x.sizes().slice(1);
  if (!fits || (a.baseline.size(0) != 1 && a.baseline.size(0) != a.x.size(0))) {
    throw Error("INVALID_ARGUMENT", "the baseline has shape " + c10::str(a.baseline.sizes()) + ", but the input has " +
                                        c10::str(a.x.sizes()));
  }
  return a.baseline;
}

uint64_t seed_of_image(const Tensor& image, uint64_t seed) {
  const Tensor values = image.to(at::kCPU, at::kFloat).contiguous();
  const auto* bytes = static_cast<const uint8_t*>(values.const_data_ptr());
  uint64_t hash = 0xcbf29ce484222325 ^ (seed * 0x9e3779b97f4a7c15);  // FNV-1a
  for (size_t i = 0; i < values.nbytes(); ++i) hash = (hash ^ bytes[i]) * 0x100000001b3;
  return hash;
}

}  // namespace lrp
