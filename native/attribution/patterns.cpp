#include "patterns.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "../error.h"

namespace lrp {

namespace {

/// All windows of one group of channels that a convolution reads, one per row: [batch * positions, inputs].
Tensor windows(const Node& node, const Tensor& input, int64_t group, int64_t groups) {
  const Tensor weight = node.parameters.at("weight");
  if (node.record.kind == "linear") return input.reshape({-1, input.size(-1)});
  const bool flat = weight.dim() == 3;
  if (weight.dim() > 4 || node.op->linear()->transposed()) {
    throw Error("UNSUPPORTED", "patterns cannot be fitted to a layer of the op " + node.op_name);
  }
  if (node.attributes.is_text("padding"))
    throw Error(
        "UNSUPPORTED",
        "patterns cannot be fitted to a convolution whose padding is 'same' or 'valid': give the padding in numbers");
  const size_t axes = flat ? 1 : 2;
  const auto planar = [flat](std::vector<int64_t> v, int64_t first) {
    if (flat) v.insert(v.begin(), first);
    return v;
  };
  const Tensor image = flat ? input.unsqueeze(2) : input;
  const int64_t channels = image.size(1) / groups;
  const Tensor columns = at::im2col(
      image.narrow(1, group * channels, channels), planar(weight.sizes().slice(2).vec(), 1),
      planar(node.attributes.integers("dilation", axes, 1), 1), planar(node.attributes.integers("padding", axes, 0), 0),
      planar(node.attributes.integers("stride", axes, 1), 1));
  return columns.transpose(1, 2).reshape({-1, columns.size(1)});
}

/// Outputs of one group, one position per row: [batch * positions, outputs].
Tensor rows(const Node& node, const Tensor& output, int64_t group, int64_t groups) {
  if (node.record.kind == "linear") return output.reshape({-1, output.size(-1)});
  const int64_t channels = output.size(1) / groups;
  return output.narrow(1, group * channels, channels).flatten(2).transpose(1, 2).reshape({-1, channels});
}

/// Bytes of windows that are laid out at once: of a large image they take hundreds of megabytes.
constexpr int64_t kWindowBytes = int64_t{256} << 20;

int64_t images_at_once(const Node& node, const Tensor& output) {
  const Tensor weight = node.parameters.at("weight");
  const int64_t positions = output.numel() / output.size(0) / weight.size(0);
  const int64_t bytes = positions * (weight.numel() / weight.size(0)) * static_cast<int64_t>(sizeof(double));
  return std::max<int64_t>(1, kWindowBytes / std::max<int64_t>(bytes, 1));
}

void accumulate(Tensor& total, const Tensor& more) { total = total.defined() ? total.add_(more) : more; }

}  // namespace

void PatternFitter::add(const Tensor& input) {
  const at::NoGradGuard no_grad;
  graph_.run(input, [this](size_t, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
    const Tensor output = node.op->forward(inputs, pass);
    if (!is_weighted(node)) return output;
    const int64_t all = output.size(0), step = images_at_once(node, output);
    for (int64_t from = 0; from < all; from += step) {
      const int64_t count = std::min(step, all - from);
      add_layer(node, inputs[0].narrow(0, from, count), output.narrow(0, from, count));
    }
    return output;
  });
}

void PatternFitter::add_layer(const Node& node, const Tensor& input, const Tensor& output) {
  const int64_t groups = node.attributes.integer("groups", 1);
  const Tensor bias = node.op->linear()->bias_like_output(Part::full());
  const Tensor without_bias = bias.defined() ? output - bias : output;
  Sums& sums = sums_[node.name];
  std::vector<Tensor> xy, x, masked, y;
  for (int64_t group = 0; group < groups; ++group) {
    const Tensor in = windows(node, input, group, groups).to(at::kDouble);
    const Tensor out = rows(node, without_bias, group, groups).to(at::kDouble);
    const Tensor mask = positive_only_ ? rows(node, output, group, groups).ge(0).to(at::kDouble) : at::ones_like(out);
    xy.push_back((mask * out).t().matmul(in));
    x.push_back(mask.t().matmul(in));
    masked.push_back(mask.sum(0));
    y.push_back(out.sum(0));
    if (group == 0) sums.count += in.size(0);
  }
  accumulate(sums.xy, at::cat(xy));
  accumulate(sums.x, at::cat(x));
  accumulate(sums.masked, at::cat(masked));
  accumulate(sums.y, at::cat(y));
}

std::map<std::string, Tensor> PatternFitter::finish() const {
  const at::NoGradGuard no_grad;
  std::map<std::string, Tensor> patterns;
  for (const auto& [name, sums] : sums_) {
    const Tensor weight = graph_.nodes()[static_cast<size_t>(graph_.index(name))].parameters.at("weight");
    const auto one_for_zero = [](const Tensor& t) { return t.masked_fill(t.eq(0), 1); };
    const Tensor count = one_for_zero(sums.masked).unsqueeze(1);
    const Tensor mean_y = (sums.y / static_cast<double>(std::max<int64_t>(sums.count, 1))).unsqueeze(1);
    const Tensor covariance = sums.xy / count - sums.x / count * mean_y;
    const Tensor along = (covariance * weight.flatten(1).to(at::kDouble)).sum(1, true);
    patterns[name] = (covariance / one_for_zero(along)).to(at::kFloat).view(weight.sizes()).cpu().contiguous();
  }
  return patterns;
}

}  // namespace lrp
