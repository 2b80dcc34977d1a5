#include <ATen/ATen.h>

#include "../error.h"
#include "families.h"

namespace lrp {

namespace {

/// Numbers per channel, to broadcast against x.
Tensor per_channel(const Tensor& values, const Tensor& x) {
  std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
  shape[1] = values.size(0);
  return values.view(shape);
}

/// The shape of x, which must have so many channels.
std::vector<int64_t> shape_of_channels(const Tensor& x, int64_t channels) {
  if (x.dim() > 1 && x.size(1) == channels) return x.sizes().vec();
  throw Error("INVALID_ARGUMENT", "the op expects " + std::to_string(channels) + " channels, but its input has shape " +
                                      c10::str(x.sizes()));
}

/// scale * x + shift per channel, as a linear layer.
class ChannelScale : public LinearMap {
 public:
  using LinearMap::forward;
  using LinearMap::input_gradient;
  /// @param axes of the input: batch, channels and any more
  ChannelScale(Tensor scale, Tensor shift, int64_t axes)
      : LinearMap(std::move(scale), std::move(shift)), like_output_(static_cast<size_t>(axes - 1), 1) {
    like_output_[0] = weight_.size(0);
  }
  Tensor forward(const Tensor& x, const Tensor& w, const Tensor& b) const override {
    const Tensor y = x * per_channel(w, x);
    return b.defined() ? y + per_channel(b, x) : y;
  }
  Tensor input_gradient(const Tensor& g, const Tensor&, const Tensor& w) const override {
    return g * per_channel(w, g);
  }
  Tensor bias_like_output(Part part) const override {
    const Tensor b = bias(part);
    return b.defined() ? b.view(like_output_) : b;
  }

 private:
  std::vector<int64_t> like_output_;  // without the batch axis
};

class BatchNorm : public Op {
 public:
  std::shared_ptr<const LinearMap> linear_at(const std::vector<Tensor>& inputs) const override {
    const auto affine = *channel_affine();
    const auto type = mean_.scalar_type();
    return std::make_shared<ChannelScale>(affine.scale.to(type), affine.shift.to(type), inputs.at(0).dim());
  }

  std::optional<ChannelAffine> channel_affine() const override {
    Tensor scale = (variance_.to(at::kDouble) + eps_).rsqrt();
    if (weight_.defined()) scale = scale * weight_.to(at::kDouble);
    const Tensor shift = -mean_.to(at::kDouble) * scale;
    return ChannelAffine{scale, bias_.defined() ? shift + bias_.to(at::kDouble) : shift};
  }

  explicit BatchNorm(const OpArguments& a)
      : weight_(a.optional_parameter("weight")),
        bias_(a.optional_parameter("bias")),
        mean_(a.parameter("running_mean")),
        variance_(a.parameter("running_var")),
        eps_(a.attributes.number("eps", 1e-5)),
        momentum_(a.attributes.number("momentum", 0.1)) {
    for (const Tensor& one : {weight_, bias_, variance_}) {
      if (!one.defined() || (one.dim() == 1 && one.sizes() == mean_.sizes())) continue;
      throw Error("INVALID_ARGUMENT", "the parameters of a normalisation must have one number for each channel");
    }
  }
  std::optional<std::vector<int64_t>> output_shape(const std::vector<Tensor>& inputs) const override {
    return shape_of_channels(inputs.at(0), mean_.numel());
  }
  bool mixes_images() const override { return true; }
  Tensor forward(const std::vector<Tensor>& inputs, const Pass& pass) const override {
    return at::batch_norm(inputs.at(0), optional(weight_), optional(bias_), mean_, variance_, pass.training, momentum_,
                          eps_, true);
  }

 private:
  Tensor weight_, bias_, mean_, variance_;
  double eps_, momentum_;
};

/// (x - mean(x)) * scale * w + b over the last axes, the scale (one over the deviation) a constant.
class HeldLayerNorm : public LinearMap {
 public:
  HeldLayerNorm(const Tensor& weight, const Tensor& bias, Tensor scale, std::vector<int64_t> axes)
      : LinearMap(weight, bias), scale_(std::move(scale)), axes_(std::move(axes)) {}
  using LinearMap::forward;
  using LinearMap::input_gradient;
  Tensor forward(const Tensor& x, const Tensor& w, const Tensor& b) const override {
    Tensor y = (x - x.mean(axes_, true)) * scale_;
    if (w.defined()) y = y * w;
    return b.defined() ? y + b : y;
  }
  Tensor input_gradient(const Tensor& g, const Tensor&, const Tensor& w) const override {
    const Tensor q = (w.defined() ? g * w : g) * scale_;
    return q - q.mean(axes_, true);
  }
  Tensor forward(const Tensor& x, Part part, bool with_bias) const override {
    return LinearMap::forward(x, whole(part), with_bias);
  }
  Tensor input_gradient(const Tensor& g, const Tensor& x, Part part) const override {
    return LinearMap::input_gradient(g, x, whole(part));
  }

 private:
  /// The mean that is taken away makes contributions of both signs, whatever the weight is.
  static Part whole(Part part) {
    if (part.is_full()) return part;
    throw Error("UNSUPPORTED",
                "a layer norm supports only rules that use its weights as a whole, such as epsilon and norm");
  }
  Tensor scale_;
  std::vector<int64_t> axes_;
};

class LayerNorm : public Op {
 public:
  explicit LayerNorm(const OpArguments& a)
      : shape_(a.attributes.integers("normalized_shape")),
        weight_(a.optional_parameter("weight")),
        bias_(a.optional_parameter("bias")),
        eps_(a.attributes.number("eps", 1e-5)) {}
  Tensor forward(const std::vector<Tensor>& inputs, const Pass&) const override {
    return at::layer_norm(inputs.at(0), shape_, optional(weight_), optional(bias_), eps_);
  }
  std::shared_ptr<const LinearMap> linear_at(const std::vector<Tensor>& inputs) const override {
    std::vector<int64_t> axes;
    for (size_t i = shape_.size(); i > 0; --i) axes.push_back(-static_cast<int64_t>(i));
    const Tensor& x = inputs.at(0);
    // libtorch's variance over an axis takes five to seven times as long
    const Tensor scale = std::get<2>(at::native_layer_norm(x, shape_, {}, {}, eps_)).to(x.scalar_type());
    return std::make_shared<HeldLayerNorm>(weight_, bias_, scale, std::move(axes));
  }

 private:
  std::vector<int64_t> shape_;
  Tensor weight_, bias_;
  double eps_;
};

/// (x - mean(x)) * scale * w + b over groups of channels, the scale (one over the deviation) a constant.
class HeldGroupNorm : public LinearMap {
 public:
  HeldGroupNorm(const Tensor& weight, const Tensor& bias, Tensor scale, int64_t groups)
      : LinearMap(weight, bias), scale_(std::move(scale)), groups_(groups) {}
  using LinearMap::forward;
  using LinearMap::input_gradient;
  Tensor forward(const Tensor& x, const Tensor& w, const Tensor& b) const override {
    const Tensor grouped = x.reshape({x.size(0), groups_, -1});
    Tensor y = ((grouped - grouped.mean(2, true)) * scale_).view(x.sizes());
    if (w.defined()) y = y * per_channel(w, x);
    return b.defined() ? y + per_channel(b, x) : y;
  }
  Tensor input_gradient(const Tensor& g, const Tensor&, const Tensor& w) const override {
    const Tensor q = (w.defined() ? g * per_channel(w, g) : g).reshape({g.size(0), groups_, -1}) * scale_;
    return (q - q.mean(2, true)).view(g.sizes());
  }

 private:
  Tensor scale_;
  int64_t groups_;
};

class GroupNorm : public Op {
 public:
  explicit GroupNorm(const OpArguments& a)
      : groups_(a.attributes.integer("num_groups")),
        weight_(a.optional_parameter("weight")),
        bias_(a.optional_parameter("bias")),
        eps_(a.attributes.number("eps", 1e-5)) {}
  std::optional<std::vector<int64_t>> output_shape(const std::vector<Tensor>& inputs) const override {
    const Tensor& x = inputs.at(0);
    const int64_t channels = x.dim() > 1 ? x.size(1) : 0;
    if (groups_ < 1 || channels % groups_ != 0) {
      throw Error("INVALID_ARGUMENT",
                  std::to_string(groups_) + " groups cannot divide " + std::to_string(channels) + " channels equally");
    }
    return shape_of_channels(x, weight_.defined() ? weight_.numel() : channels);
  }
  Tensor forward(const std::vector<Tensor>& inputs, const Pass&) const override {
    return at::group_norm(inputs.at(0), groups_, optional(weight_), optional(bias_), eps_);
  }
  std::shared_ptr<const LinearMap> linear_at(const std::vector<Tensor>& inputs) const override {
    const Tensor grouped = inputs.at(0).reshape({inputs[0].size(0), groups_, -1});
    const Tensor scale = std::get<2>(at::native_layer_norm(grouped, {grouped.size(2)}, {}, {}, eps_));
    return std::make_shared<HeldGroupNorm>(weight_, bias_, scale.to(grouped.scalar_type()), groups_);
  }

 private:
  int64_t groups_;
  Tensor weight_, bias_;
  double eps_;
};

}  // namespace

std::shared_ptr<Op> make_batch_norm(const OpArguments& a) { return std::make_shared<BatchNorm>(a); }
std::shared_ptr<Op> make_layer_norm(const OpArguments& a) { return std::make_shared<LayerNorm>(a); }
std::shared_ptr<Op> make_group_norm(const OpArguments& a) { return std::make_shared<GroupNorm>(a); }

}  // namespace lrp
