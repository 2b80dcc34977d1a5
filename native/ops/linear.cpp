#include <ATen/ATen.h>

#include "../error.h"
#include "dense.h"
#include "families.h"
#include "split_dense.h"

namespace lrp {

namespace {

/// y = x W^T + b over the last axis, any leading axes.
class Linear : public Op, public LinearMap {
 public:
  Linear(Tensor weight, Tensor bias) : LinearMap(std::move(weight), std::move(bias)) {
    if (weight_.dim() != 2)
      throw Error("INVALID_ARGUMENT", "the weight of a linear layer must have two axes, [outputs, inputs]");
    check_bias(weight_.size(0));
  }

  Tensor forward(const std::vector<Tensor>& inputs, const Pass&) const override {
    return dense_forward(inputs.at(0), weight_, bias_);
  }
  std::optional<std::vector<int64_t>> output_shape(const std::vector<Tensor>& inputs) const override {
    auto shape = inputs.at(0).sizes().vec();
    if (shape.empty() || shape.back() != weight_.size(1)) {
      throw Error("INVALID_ARGUMENT", "the op expects " + std::to_string(weight_.size(1)) +
                                          " features, but its input has shape " + c10::str(inputs[0].sizes()));
    }
    shape.back() = weight_.size(0);
    return shape;
  }
  double multiply_adds(const std::vector<Tensor>&, const Tensor& output) const override {
    return static_cast<double>(output.numel()) * static_cast<double>(weight_.size(1));
  }
  const LinearMap* linear() const override { return this; }
  bool maps_rows() const override { return true; }

  using LinearMap::forward;
  using LinearMap::input_gradient;

  Tensor forward(const Tensor& x, const Tensor& w, const Tensor& b) const override { return dense_forward(x, w, b); }

  Tensor input_gradient(const Tensor& g, const Tensor&, const Tensor& w) const override { return at::matmul(g, w); }

  /// All weights one: every output is the sum of the inputs, so no matrix is needed.
  Tensor forward(const Tensor& x, Part part, bool with_bias) const override {
    if (!part.is_full() && fits_split_dense(x, weight_, part)) {
      Tensor result = split_dense_forward(x, weight_, part);
      return with_bias && bias_.defined() ? result.add_(bias(part)) : result;
    }
    if (part.kind != Part::kOnes) return LinearMap::forward(x, part, with_bias);
    auto shape = x.sizes().vec();
    shape.back() = weight_.size(0);
    return x.sum(-1, true).expand(shape);
  }
  Tensor input_gradient(const Tensor& g, const Tensor& x, Part part) const override {
    if (fits_split_dense(g, weight_, part)) return split_dense_gradient(g, weight_, part);
    if (part.kind != Part::kOnes) return LinearMap::input_gradient(g, x, part);
    return g.sum(-1, true).expand_as(x);
  }
};

}  // namespace

std::shared_ptr<Op> make_linear(const OpArguments& a) {
  return std::make_shared<Linear>(a.parameter("weight"), a.optional_parameter("bias"));
}

}  // namespace lrp
