#include <ATen/ATen.h>

#include <algorithm>

#include "../error.h"
#include "families.h"
#include "one_channel.h"
#include "size_limit.h"

namespace lrp {

namespace {

/// Convolution over 1, 2 or 3 axes with any stride, dilation, groups, and zero padding that may differ at both ends.
class Convolution : public Op, public LinearMap {
 public:
  Convolution(const OpArguments& a, bool transposed)
      : LinearMap(a.parameter("weight"), a.optional_parameter("bias")),
        axes_(a.axes()),
        transposed_(transposed),
        stride_(window_attribute(a.attributes, "stride", axes_, 1)),
        dilation_(window_attribute(a.attributes, "dilation", axes_, 1)),
        output_padding_(window_attribute(a.attributes, "output_padding", axes_, 0)),
        groups_(a.attributes.integer("groups", 1)) {
    if (weight_.dim() != static_cast<int64_t>(axes_) + 2) {
      throw Error("INVALID_ARGUMENT",
                  "the weight of the op " + a.name + " must have " + std::to_string(axes_ + 2) + " axes");
    }
    if (groups_ < 1 || weight_.size(0) % groups_ != 0) {
      throw Error("INVALID_ARGUMENT", "attribute 'groups' must be 1 or more and divide the first axis of the weight");
    }
    check_bias(transposed_ ? weight_.size(1) * groups_ : weight_.size(0));
    check_redundant(a.attributes);
    set_padding(a);
  }

  Tensor forward(const std::vector<Tensor>& inputs, const Pass&) const override {
    return forward(inputs.at(0), weight_, bias_);
  }
  std::optional<std::vector<int64_t>> output_shape(const std::vector<Tensor>& inputs) const override {
    const Tensor& x = inputs.at(0);
    check_channels(x);
    auto shape = output_sizes(x);
    if (std::any_of(shape.begin() + 2, shape.end(), [](int64_t axis) { return axis < 1; })) {
      throw Error("INVALID_ARGUMENT",
                  "the input, of shape " + c10::str(x.sizes()) + ", is smaller than the convolution's window");
    }
    return shape;
  }
  double multiply_adds(const std::vector<Tensor>& inputs, const Tensor& output) const override {
    const Tensor& each = transposed_ ? inputs.at(0) : output;  // one column, or row, of the weight for each number
    return static_cast<double>(each.numel()) * static_cast<double>(weight_[0].numel());
  }
  std::optional<WindowShape> window_shape() const override {
    if (axes_ != 2 || transposed_ || !extra_padding_.empty()) return std::nullopt;
    return WindowShape{weight_.sizes().slice(2).vec(), stride_, padding_, dilation_, 0};
  }
  Tensor forward_padded(const Tensor& x) const override {
    return at::convolution(x, weight_, optional(bias_), stride_, {0, 0}, dilation_, false, {0, 0}, groups_);
  }
  const LinearMap* linear() const override { return this; }
  bool transposed() const override { return transposed_; }
  bool pads() const override {
    return !extra_padding_.empty() || std::any_of(padding_.begin(), padding_.end(), [](int64_t p) { return p != 0; });
  }

  Tensor forward(const Tensor& x, const Tensor& w, const Tensor& b) const override {
    check_channels(x);
    check_size(output_sizes(x));
    if (!transposed_ && fits_one_channel(x, w))
      return one_channel_convolution(padded(x), w, b, {stride_, padding_, dilation_});
    return at::convolution(padded(x), w, optional(b), stride_, padding_, dilation_, transposed_, output_padding_,
                           groups_);
  }

  Tensor input_gradient(const Tensor& g, const Tensor& x, const Tensor& w) const override {
    return gradient(g, x, w, groups_);
  }

  /// With all weights one no channel matters: one box filter per group, whatever the number of channels.
  Tensor forward(const Tensor& x, Part part, bool with_bias) const override {
    if (part.kind != Part::kOnes) return LinearMap::forward(x, part, with_bias);
    const Tensor sums = group_sums(x);
    const Tensor box = at::convolution(padded(sums), box_filter(), std::nullopt, stride_, padding_, dilation_,
                                       transposed_, output_padding_, groups_);
    return box.repeat_interleave(output_channels() / groups_, 1);
  }
  Tensor input_gradient(const Tensor& g, const Tensor& x, Part part) const override {
    if (part.kind != Part::kOnes) return LinearMap::input_gradient(g, x, part);
    const Tensor like = x.narrow(1, 0, groups_);
    const Tensor box = gradient(group_sums(g), like, box_filter(), groups_);
    return groups_ == 1 ? box.expand_as(x) : box.repeat_interleave(x.size(1) / groups_, 1);
  }

  Tensor bias_like_output(Part part) const override {
    const Tensor b = bias(part);
    return b.defined() ? b.view(channel_shape()) : b;
  }

 private:
  /// What a file says twice must agree.
  void check_redundant(const Attributes& attributes) const {
    const at::IntArrayRef kernel = weight_.sizes().slice(2);
    const auto stated =
        attributes.has("kernel_size") ? window_attribute(attributes, "kernel_size", axes_) : kernel.vec();
    if (kernel != stated) {
      throw Error("INVALID_ARGUMENT", "attribute 'kernel_size' is " + c10::str(at::IntArrayRef(stated)) +
                                          ", but the weight has the shape " + c10::str(weight_.sizes()));
    }
    const bool grows = std::any_of(output_padding_.begin(), output_padding_.end(), [](int64_t p) { return p != 0; });
    if (!transposed_ && grows) {
      throw Error("INVALID_ARGUMENT", "attribute 'output_padding' must be 0 for a convolution that is not transposed");
    }
  }

  void set_padding(const OpArguments& a) {
    padding_.assign(axes_, 0);
    const auto kernel = weight_.sizes().slice(2);
    if (!a.attributes.is_text("padding")) {
      padding_ = window_attribute(a.attributes, "padding", axes_, 0);
      return;
    }
    const std::string mode = a.attributes.text("padding", "valid");
    if (mode == "valid") return;
    if (mode != "same")
      throw Error("INVALID_ARGUMENT", "attribute 'padding' must be numbers, 'same' or 'valid', not '" + mode + "'");
    std::vector<int64_t> extra(2 * axes_, 0);  // last axis first, as constant_pad_nd wants it
    bool uneven = false;
    for (size_t i = 0; i < axes_; ++i) {
      if (stride_[i] != 1) throw Error("INVALID_ARGUMENT", "attribute 'padding' can be 'same' only if the stride is 1");
      const int64_t total = dilation_[i] * (kernel[i] - 1);
      padding_[i] = total / 2;
      extra[2 * (axes_ - 1 - i) + 1] = total % 2;
      uneven = uneven || total % 2;
    }
    if (uneven) extra_padding_ = extra;
  }

  Tensor padded(const Tensor& x) const { return extra_padding_.empty() ? x : at::constant_pad_nd(x, extra_padding_); }

  Tensor gradient(const Tensor& g, const Tensor& x, const Tensor& w, int64_t groups) const {
    const Tensor like = padded(x);
    Tensor result = std::get<0>(at::convolution_backward(g, like, w, std::nullopt, stride_, padding_, dilation_,
                                                         transposed_, output_padding_, groups, {true, false, false}));
    for (size_t i = 0; i < axes_ && !extra_padding_.empty(); ++i) result = result.narrow(i + 2, 0, x.size(i + 2));
    return result;
  }

  int64_t output_channels() const { return transposed_ ? weight_.size(1) * groups_ : weight_.size(0); }
  std::vector<int64_t> channel_shape() const {
    std::vector<int64_t> shape(axes_ + 2, 1);
    shape[1] = -1;
    return shape;
  }
  Tensor box_filter() const {
    auto shape = weight_.sizes().vec();
    shape[0] = groups_;
    shape[1] = 1;
    return at::ones(shape, weight_.options());
  }
  /// Channels added up within each group.
  Tensor group_sums(const Tensor& t) const {
    if (groups_ == 1) return t.sum(1, true);
    auto shape = t.sizes().vec();
    shape.insert(shape.begin() + 1, groups_);
    shape[2] = t.size(1) / groups_;
    return t.reshape(shape).sum(2);
  }
  std::vector<int64_t> output_sizes(const Tensor& x) const {
    std::vector<int64_t> shape{x.size(0), output_channels()};
    for (size_t i = 0; i < axes_; ++i) {
      const int64_t extra = extra_padding_.empty() ? 0 : extra_padding_[2 * (axes_ - 1 - i) + 1];
      const int64_t size = x.size(static_cast<int64_t>(i) + 2) + extra,
                    kernel = weight_.size(static_cast<int64_t>(i) + 2);
      const int64_t reach = dilation_[i] * (kernel - 1) + 1;
      shape.push_back(transposed_ ? (size - 1) * stride_[i] - 2 * padding_[i] + reach + output_padding_[i]
                                  : floor_divide(size + 2 * padding_[i] - reach, stride_[i]) + 1);
    }
    return shape;
  }
  void check_channels(const Tensor& x) const {
    const int64_t wanted = transposed_ ? weight_.size(0) : weight_.size(1) * groups_;
    if (x.dim() != static_cast<int64_t>(axes_) + 2 || x.size(1) != wanted) {
      throw Error("INVALID_ARGUMENT", "the op expects " + std::to_string(wanted) + " channels and " +
                                          std::to_string(axes_) + " spatial axes, but its input has shape " +
                                          c10::str(x.sizes()));
    }
  }

  size_t axes_;
  bool transposed_;
  std::vector<int64_t> stride_, padding_, dilation_, output_padding_, extra_padding_;
  int64_t groups_;
};

}  // namespace

std::shared_ptr<Op> make_convolution(const OpArguments& a) { return std::make_shared<Convolution>(a, false); }
std::shared_ptr<Op> make_transposed_convolution(const OpArguments& a) { return std::make_shared<Convolution>(a, true); }

}  // namespace lrp
