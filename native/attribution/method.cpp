#include "method.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/csrc/autograd/autograd.h>

#include "../error.h"
#include "../finite.h"

namespace lrp {

namespace {

/// Gradient of the targets' logits at `x`: LRP with no rules, started from 1.
Explanation explain_by_gradient(const Graph& graph, const Tensor& x, const Tensor& targets, const Method& method,
                                const std::vector<std::string>& layers = {}) {
  LrpOptions options;
  options.targets = targets;
  options.layers = layers;
  options.start = Start::one;
  options.cancel = method.lrp.cancel;
  return explain(graph, x, options);
}

Tensor gradient_at(const Graph& graph, const Tensor& x, const Tensor& targets, const Method& method) {
  return explain_by_gradient(graph, x, targets, method).relevance;
}

/// Sundararajan et al. 2017: x times the mean gradient at x/n, 2x/n, ..., x (zero baseline).
Tensor integrated_gradients(const Graph& graph, const Tensor& x, const Tensor& targets, const Method& method) {
  Tensor sum;
  for (int64_t i = 1; i <= method.steps; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(method.steps);
    const Tensor gradient = gradient_at(graph, x * share, targets, method);
    sum = sum.defined() ? sum.add_(gradient) : gradient;
  }
  return x * (sum / static_cast<double>(method.steps));
}

std::vector<int64_t> one_per_image(const Tensor& x) {
  std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
  shape[0] = x.size(0);
  return shape;
}

/// Smilkov et al. 2017: the mean gradient at noisy copies of x.
Tensor smoothgrad(const Graph& graph, const Tensor& x, const Tensor& targets, const Method& method) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(method.seed);
  const Tensor flat = x.flatten(1);
  const Tensor deviation = ((flat.amax(1) - flat.amin(1)) * method.noise).view(one_per_image(x));
  Tensor sum;
  for (int64_t i = 0; i < method.steps; ++i) {
    const Tensor noise = at::randn(x.sizes(), generator, at::dtype(at::kFloat)).to(x.device());
    const Tensor gradient = gradient_at(graph, x + noise * deviation, targets, method);
    sum = sum.defined() ? sum.add_(gradient) : gradient;
  }
  return sum / static_cast<double>(method.steps);
}

/// Zeiler and Fergus 2014: how far the logit falls when a square is set to 0, spread evenly over the square.
Tensor occlusion(const Graph& graph, const Tensor& x, const Tensor& targets, const Method& method,
                 const Tensor& logits) {
  if (x.dim() != 4) throw Error("UNSUPPORTED", "occlusion needs images [batch, channels, height, width]");
  const at::NoGradGuard no_grad;
  const int64_t window = method.window, stride = method.stride > 0 ? method.stride : window;
  const Tensor index = targets.t();  // [batch, explanations]
  const Tensor before = logits.gather(1, index);
  Tensor sum = at::zeros({targets.size(0), x.size(0), 1, x.size(2), x.size(3)}, x.options());
  Tensor times = at::zeros({x.size(2), x.size(3)}, x.options());
  for (int64_t row = 0; row < x.size(2); row += stride) {
    for (int64_t column = 0; column < x.size(3); column += stride) {
      if (method.lrp.cancel) method.lrp.cancel->check();
      Tensor covered = x.clone();
      covered.slice(2, row, row + window).slice(3, column, column + window).zero_();
      const Tensor fall = (before - graph.forward(covered).gather(1, index)).t();
      sum.slice(3, row, row + window).slice(4, column, column + window).add_(fall.view({fall.size(0), -1, 1, 1, 1}));
      times.slice(0, row, row + window).slice(1, column, column + window).add_(1);
    }
  }
  const Tensor map = (sum / times.clamp_min(1)).expand({targets.size(0), x.size(0), x.size(1), x.size(2), x.size(3)});
  const Tensor result = map / static_cast<double>(x.size(1));
  return result.size(0) == 1 ? result[0] : result;
}

int last_convolution(const Graph& graph) {
  for (int i = static_cast<int>(graph.nodes().size()) - 1; i >= 0; --i) {
    if (graph.nodes()[static_cast<size_t>(i)].op_name.rfind("conv", 0) == 0) return i;
  }
  throw Error("UNSUPPORTED", "grad-cam needs a convolution, and the model has none");
}

/// Selvaraju et al. 2017: channels of one layer weighed by their mean gradient, positive part, enlarged to the image.
Tensor grad_cam(const Graph& graph, const Tensor& input, const Tensor& targets, const Method& method) {
  const at::AutoGradMode on(true);
  const int layer = method.layer.empty() ? last_convolution(graph) : graph.source(graph.index(method.layer));
  const Tensor x = input.detach().requires_grad_();
  Tensor activation;
  const Tensor logits =
      graph.run(x, [&](size_t i, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
        const Tensor result = node.op->forward(inputs, pass);
        if (static_cast<int>(i) == layer) activation = result;
        return result;
      });
  if (!activation.defined() || activation.dim() != 4 || x.dim() != 4) {
    throw Error("UNSUPPORTED", "grad-cam needs a layer with channels, height and width");
  }
  std::vector<Tensor> maps;
  for (int64_t t = 0; t < targets.size(0); ++t) {
    const Tensor start = initial_relevance(logits.detach(), targets[t], Start::one);
    const Tensor gradient = torch::autograd::grad({logits}, {activation}, {start}, t + 1 < targets.size(0))[0];
    const Tensor weights = gradient.mean({2, 3}, true);
    const Tensor map = at::relu((weights * activation.detach()).sum(1, true));
    maps.push_back(at::upsample_bilinear2d(map, {x.size(2), x.size(3)}, false).expand(x.sizes()) /
                   static_cast<double>(x.size(1)));
  }
  return maps.size() == 1 ? maps[0] : at::stack(maps);
}

Explanation by_method(const Graph& graph, const Tensor& x, const Method& method) {
  if (method.name == "lrp") return explain(graph, x, method.lrp);
  Explanation result;
  if (method.name == "gradient" || method.name == "input-x-gradient") {
    result = explain_by_gradient(graph, x, method.lrp.targets, method, method.lrp.layers);
    if (method.name == "input-x-gradient") result.relevance = x * result.relevance;
    return result;
  }
  {
    const at::NoGradGuard no_grad;
    result.logits = graph.forward(x);
  }
  result.targets = target_rows(method.lrp.targets, result.logits);
  const Tensor& targets = result.targets;
  if (method.name == "integrated-gradients") {
    result.relevance = integrated_gradients(graph, x, targets, method);
  } else if (method.name == "smoothgrad") {
    result.relevance = smoothgrad(graph, x, targets, method);
  } else if (method.name == "occlusion") {
    result.relevance = occlusion(graph, x, targets, method, result.logits);
  } else if (method.name == "grad-cam") {
    result.relevance = grad_cam(graph, x, targets, method);
  } else if (method.name == "random") {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(method.seed);
    auto shape = x.sizes().vec();
    if (targets.size(0) > 1) shape.insert(shape.begin(), targets.size(0));
    result.relevance = at::randn(shape, generator, at::dtype(at::kFloat));
  } else {
    throw Error("INVALID_ARGUMENT", "there is no attribution method '" + method.name + "'");
  }
  return result;
}

}  // namespace

Explanation attribute(const Graph& graph, const Tensor& x, const Method& method) {
  Explanation result = by_method(graph, x, method);
  if (!all_finite(result.logits)) throw Error("NUMERIC", "the output of the network is not finite");
  if (!all_finite(result.relevance)) throw Error("NUMERIC", "the attribution by " + method.name + " is not finite");
  const int64_t batch = x.size(0);
  result.sums = result.relevance.reshape({-1, batch, x.numel() / batch}).sum(2, false, at::kDouble);
  return result;
}

}  // namespace lrp
