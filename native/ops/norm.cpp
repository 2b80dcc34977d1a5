#include <ATen/ATen.h>

#include "../error.h"
#include "families.h"

namespace lrp {

namespace {

class BatchNorm : public Op {
 public:
  explicit BatchNorm(const OpArguments& a)
      : weight_(a.optional_parameter("weight")),
        bias_(a.optional_parameter("bias")),
        mean_(a.parameter("running_mean")),
        variance_(a.parameter("running_var")),
        eps_(a.attributes.number("eps", 1e-5)),
        momentum_(a.attributes.number("momentum", 0.1)) {}
  Tensor forward(const std::vector<Tensor>& inputs, const Pass& pass) const override {
    return at::batch_norm(inputs.at(0), optional(weight_), optional(bias_), mean_, variance_, pass.training, momentum_,
                          eps_, true);
  }

 private:
  Tensor weight_, bias_, mean_, variance_;
  double eps_, momentum_;
};

/// (x - mean(x)) / sigma * w + b over the last axes, sigma a constant.
class HeldLayerNorm : public LinearMap {
 public:
  HeldLayerNorm(const Tensor& weight, const Tensor& bias, Tensor sigma, std::vector<int64_t> axes)
      : LinearMap(weight, bias), sigma_(std::move(sigma)), axes_(std::move(axes)) {}
  using LinearMap::forward;
  using LinearMap::input_gradient;
  Tensor forward(const Tensor& x, const Tensor& w, const Tensor& b) const override {
    Tensor y = (x - x.mean(axes_, true)) / sigma_;
    if (w.defined()) y = y * w;
    return b.defined() ? y + b : y;
  }
  Tensor input_gradient(const Tensor& g, const Tensor&, const Tensor& w) const override {
    const Tensor q = (w.defined() ? g * w : g) / sigma_;
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
    throw Error("UNSUPPORTED", "a layer norm has rules that read its weights as a whole: epsilon, norm");
  }
  Tensor sigma_;
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
    const Tensor sigma = inputs.at(0).var(axes, false, true).add_(eps_).sqrt_();
    return std::make_shared<HeldLayerNorm>(weight_, bias_, sigma, std::move(axes));
  }

 private:
  std::vector<int64_t> shape_;
  Tensor weight_, bias_;
  double eps_;
};

class GroupNorm : public Op {
 public:
  explicit GroupNorm(const OpArguments& a)
      : groups_(a.attributes.integer("num_groups")),
        weight_(a.optional_parameter("weight")),
        bias_(a.optional_parameter("bias")),
        eps_(a.attributes.number("eps", 1e-5)) {}
  Tensor forward(const std::vector<Tensor>& inputs, const Pass&) const override {
    return at::group_norm(inputs.at(0), groups_, optional(weight_), optional(bias_), eps_);
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
