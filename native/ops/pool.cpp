#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "../error.h"
#include "families.h"
#include "max_pool.h"
#include "size_limit.h"

namespace lrp {

namespace {

using PoolMap = std::function<Tensor(const Tensor&)>;
/// The shape that a map gives; none where the map runs without data.
using PoolShape = std::function<std::vector<int64_t>(const Tensor&)>;

/// What a pooling computes where its padding is there already.
struct PaddedPool {
  std::optional<WindowShape> shape;
  PoolMap map;
};

/// A linear op without weights, given by its forward map alone: average and sum pooling.
class WeightlessLinear : public Op, public LinearMap {
 public:
  explicit WeightlessLinear(PoolMap map, PoolShape shape = {}, PaddedPool padded = {})
      : LinearMap({}, {}), map_(std::move(map)), shape_(std::move(shape)), padded_(std::move(padded)) {}
  std::optional<WindowShape> window_shape() const override { return padded_.shape; }
  Tensor forward_padded(const Tensor& x) const override { return padded_.map(x); }
  std::optional<std::vector<int64_t>> output_shape(const std::vector<Tensor>& inputs) const override {
    return shape_ ? std::optional(shape_(inputs.at(0))) : std::nullopt;
  }
  Tensor forward(const std::vector<Tensor>& inputs, const Pass&) const override { return map_(inputs.at(0)); }
  const LinearMap* linear() const override { return this; }
  Tensor forward(const Tensor& x, const Tensor&, const Tensor&) const override { return map_(x); }
  Tensor input_gradient(const Tensor& g, const Tensor& x, const Tensor&) const override {
    return gradient_of_linear(map_, x, g);
  }
  /// No weight is below 0; squares and ones share relevance out alike.
  Tensor forward(const Tensor& x, Part part, bool) const override { return scaled(map_(x), part); }
  Tensor input_gradient(const Tensor& g, const Tensor& x, Part part) const override {
    return scaled(gradient_of_linear(map_, x, g), part);
  }

 private:
  static Tensor scaled(const Tensor& t, Part part) {
    return part.kind == Part::kSplit && part.above != 1 ? t * part.above : t;
  }
  PoolMap map_;
  PoolShape shape_;
  PaddedPool padded_;
};

/// Max pooling: its plain gradient gives all to the winner, of equals to the first in row-major order.
class MaxPool : public Op {
 public:
  MaxPool(PoolMap map, PoolShape shape, PaddedPool padded = {})
      : map_(std::move(map)), shape_(std::move(shape)), padded_(std::move(padded)) {}
  std::optional<WindowShape> window_shape() const override { return padded_.shape; }
  Tensor forward_padded(const Tensor& x) const override { return padded_.map(x); }
  std::optional<std::vector<int64_t>> output_shape(const std::vector<Tensor>& inputs) const override {
    return shape_(inputs.at(0));
  }
  Tensor forward(const std::vector<Tensor>& inputs, const Pass&) const override { return map_(inputs.at(0)); }

 private:
  PoolMap map_;
  PoolShape shape_;
  PaddedPool padded_;
};

struct Window {
  std::vector<int64_t> kernel, stride, padding, dilation;
  bool ceil_mode;
  bool count_include_pad;
  size_t axes;

  explicit Window(const OpArguments& a)
      : kernel(window_attribute(a.attributes, "kernel_size", a.axes())),
        stride(a.attributes.has("stride") ? window_attribute(a.attributes, "stride", a.axes()) : kernel),
        padding(window_attribute(a.attributes, "padding", a.axes(), 0)),
        dilation(window_attribute(a.attributes, "dilation", a.axes(), 1)),
        ceil_mode(a.attributes.flag("ceil_mode", false)),
        count_include_pad(a.attributes.flag("count_include_pad", true)),
        axes(a.axes()) {}

  /// Throws INVALID_ARGUMENT where no window fits, or one would hold padding alone.
  std::vector<int64_t> output_shape(const Tensor& x) const {
    auto shape = x.sizes().vec();
    const std::string found = "its input has shape " + c10::str(x.sizes());
    if (shape.size() <= axes)
      throw Error("INVALID_ARGUMENT", "the op expects " + std::to_string(axes + 1) + " axes, but " + found);
    for (size_t i = 0; i < axes; ++i) {
      if (padding[i] > kernel[i] / 2)
        throw Error("INVALID_ARGUMENT", "the padding of a pooling layer must be at most half of its window");
      int64_t& size = shape[shape.size() - axes + i];
      const int64_t free = size + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1;
      int64_t windows = floor_divide(free + (ceil_mode ? stride[i] - 1 : 0), stride[i]) + 1;
      if (ceil_mode && (windows - 1) * stride[i] >= size + padding[i]) --windows;  // the last one must begin inside
      if (windows < 1) throw Error("INVALID_ARGUMENT", found + ", which is smaller than the pooling window");
      size = windows;
    }
    return shape;
  }

  /// Its shape, where every window of the padded input has the same weights.
  std::optional<WindowShape> shape(double filler) const {
    if (axes != 2 || ceil_mode) return std::nullopt;
    return WindowShape{kernel, stride, padding, dilation, filler};
  }
  Window without_padding() const {
    Window result = *this;
    result.padding.assign(axes, 0);
    return result;
  }

  Tensor average(const Tensor& x, std::optional<int64_t> divisor) const {
    if (axes == 3) return at::avg_pool3d(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor);
    if (axes == 2) return at::avg_pool2d(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor);
    if (!divisor) return at::avg_pool1d(x, kernel, stride, padding, ceil_mode, count_include_pad);
    return at::avg_pool2d(x.unsqueeze(-2), {1, kernel[0]}, {1, stride[0]}, {0, padding[0]}, ceil_mode,
                          count_include_pad, divisor)
        .squeeze(-2);
  }
  Tensor maximum(const Tensor& x) const {
    if (slices_do(x)) return maximum_of_slices(x);
    if (has_fast_gradient(x)) return max_pool(x, kernel, stride);
    if (axes == 3) return at::max_pool3d(x, kernel, stride, padding, dilation, ceil_mode);
    if (axes == 2) return at::max_pool2d(x, kernel, stride, padding, dilation, ceil_mode);
    return at::max_pool1d(x, kernel, stride, padding, dilation, ceil_mode);
  }

 private:
  int64_t axis(const Tensor& x, size_t i) const { return x.dim() - static_cast<int64_t>(axes - i); }

  /// Windows that neither overlap nor reach beyond the input, on the CPU, where no winner is asked for.
  bool slices_do(const Tensor& x) const {
    if (ceil_mode || !x.device().is_cpu() || (at::GradMode::is_enabled() && x.requires_grad())) return false;
    if (x.dim() < static_cast<int64_t>(axes) + 1) return false;
    for (size_t i = 0; i < axes; ++i) {
      if (padding[i] != 0 || dilation[i] != 1 || kernel[i] < 1 || stride[i] < kernel[i]) return false;
      if (x.size(axis(x, i)) < kernel[i]) return false;
    }
    return true;
  }
  bool has_fast_gradient(const Tensor& x) const {
    const std::vector<int64_t> none{0, 0}, next{1, 1};
    const bool is_plain = axes == 2 && padding == none && dilation == next && !ceil_mode;
    if (!is_plain || !x.device().is_cpu() || x.scalar_type() != at::kFloat || !x.is_contiguous()) return false;
    return (x.dim() == 3 || x.dim() == 4) && x.numel() > 0 && x.size(-2) >= kernel[0] && x.size(-1) >= kernel[1] &&
           std::min(kernel[0], kernel[1]) > 0 && std::min(stride[0], stride[1]) > 0;
  }
  /// The larger of neighbours, axis by axis: three to ten times as fast as at::max_pool where channels are few.
  Tensor maximum_of_slices(Tensor x) const {
    for (size_t i = 0; i < axes; ++i) {
      const int64_t span = (x.size(axis(x, i)) - kernel[i]) / stride[i] * stride[i] + 1;
      Tensor largest = x.slice(axis(x, i), 0, span, stride[i]);
      for (int64_t k = 1; k < kernel[i]; ++k) {
        largest = at::maximum(largest, x.slice(axis(x, i), k, k + span, stride[i]));
      }
      x = largest;
    }
    return x;
  }
};

/// Output size of adaptive pooling: -1 keeps the input's axis.
std::vector<int64_t> adaptive_size(const Tensor& x, std::vector<int64_t> size) {
  if (x.dim() <= static_cast<int64_t>(size.size())) {
    throw Error("INVALID_ARGUMENT", "the op expects " + std::to_string(size.size() + 1) +
                                        " axes, but its input has shape " + c10::str(x.sizes()));
  }
  for (size_t i = 0; i < size.size(); ++i) {
    if (size[i] == -1) size[i] = x.size(x.dim() - static_cast<int64_t>(size.size()) + static_cast<int64_t>(i));
  }
  std::vector<int64_t> output{x.size(0), x.dim() > 1 ? x.size(1) : 1};
  output.insert(output.end(), size.begin(), size.end());
  check_size(output);
  return size;
}

Tensor adaptive_average(const Tensor& x, const std::vector<int64_t>& wanted) {
  const auto size = adaptive_size(x, wanted);
  if (size.size() == 3) return at::adaptive_avg_pool3d(x, size);
  if (size.size() == 2) return at::adaptive_avg_pool2d(x, size);
  return at::adaptive_avg_pool1d(x, size);
}

Tensor adaptive_maximum(const Tensor& x, const std::vector<int64_t>& wanted) {
  const auto size = adaptive_size(x, wanted);
  if (size.size() == 3) return std::get<0>(at::adaptive_max_pool3d(x, size));
  if (size.size() == 2) return std::get<0>(at::adaptive_max_pool2d(x, size));
  return std::get<0>(at::adaptive_max_pool1d(x, size));
}

}  // namespace

std::shared_ptr<Op> make_pool(const OpArguments& a) {
  const std::string kind = a.name.substr(0, a.name.size() - 2);
  if (kind == "adaptive_avg_pool" || kind == "adaptive_max_pool") {
    const auto size = a.attributes.integers("output_size", a.axes());
    const PoolShape shape = [size](const Tensor& x) {
      auto result = x.sizes().vec();
      const auto found = adaptive_size(x, size);
      std::copy(found.begin(), found.end(), result.end() - static_cast<int64_t>(found.size()));
      return result;
    };
    if (kind == "adaptive_max_pool") {
      return std::make_shared<MaxPool>([size](const Tensor& x) { return adaptive_maximum(x, size); }, shape);
    }
    return std::make_shared<WeightlessLinear>([size](const Tensor& x) { return adaptive_average(x, size); }, shape);
  }
  const Window window(a);
  const PoolShape shape = [window](const Tensor& x) { return window.output_shape(x); };
  const Window inner = window.without_padding();
  if (kind == "max_pool") {
    return std::make_shared<MaxPool>([window](const Tensor& x) { return window.maximum(x); }, shape,
                                     PaddedPool{window.shape(-std::numeric_limits<double>::infinity()),
                                                [inner](const Tensor& x) { return inner.maximum(x); }});
  }
  const auto divisor = kind == "sum_pool" ? std::optional<int64_t>(1) : std::nullopt;
  const bool alike = window.count_include_pad || inner.padding == window.padding;
  return std::make_shared<WeightlessLinear>(
      [=](const Tensor& x) { return window.average(x, divisor); }, shape,
      PaddedPool{alike ? window.shape(0) : std::nullopt, [=](const Tensor& x) { return inner.average(x, divisor); }});
}

std::shared_ptr<Op> make_reduction(const OpArguments& a) {
  const auto dims = a.attributes.integers("dim");
  const bool keep = a.attributes.flag("keepdim", false);
  if (a.name == "sum") return std::make_shared<WeightlessLinear>([=](const Tensor& x) { return x.sum(dims, keep); });
  return std::make_shared<WeightlessLinear>([=](const Tensor& x) { return x.mean(dims, keep); });
}

std::shared_ptr<Op> make_interpolate(const OpArguments& a) {
  if (a.attributes.has("size") && a.attributes.has("scale_factor")) {
    throw Error("INVALID_ARGUMENT", "the node has both attributes 'size' and 'scale_factor': give only one");
  }
  const std::string mode = a.attributes.text("mode", "nearest");
  const bool corners = a.attributes.flag("align_corners", false);
  const auto size = a.attributes.has("size") ? a.attributes.integers("size", 2) : std::vector<int64_t>{};
  const auto scale = size.empty() ? a.attributes.numbers("scale_factor") : std::vector<double>{};
  if (mode != "nearest" && mode != "bilinear") {
    throw Error("UNSUPPORTED", "the op interpolate has no mode '" + mode + "': use 'nearest' or 'bilinear'");
  }
  if (corners && mode == "nearest") {
    throw Error("INVALID_ARGUMENT", "attribute 'align_corners' must be false if the mode is 'nearest'");
  }
  if (size.empty() && scale.size() != 1 && scale.size() != 2) {
    throw Error("INVALID_ARGUMENT", "attribute 'scale_factor' must have one or two numbers");
  }
  for (const double factor : scale) {
    if (!(factor > 0 && factor <= kLargestStep)) {
      throw Error("UNSUPPORTED",
                  "attribute 'scale_factor' must be above 0 and at most " + std::to_string(kLargestStep));
    }
  }
  return std::make_shared<WeightlessLinear>([=](const Tensor& x) {
    if (x.dim() != 4)
      throw Error("INVALID_ARGUMENT", "the op expects 4 axes, but its input has shape " + c10::str(x.sizes()));
    std::vector<int64_t> out = size;
    for (size_t i = 0; i < 2 && size.empty(); ++i) {
      const double factor = scale[scale.size() == 1 ? 0 : i];
      out.push_back(static_cast<int64_t>(static_cast<double>(x.size(2 + static_cast<int64_t>(i))) * factor));
    }
    check_size({x.size(0), x.size(1), out.at(0), out.at(1)});
    return mode == "nearest" ? at::upsample_nearest2d(x, out) : at::upsample_bilinear2d(x, out, corners);
  });
}

}  // namespace lrp
