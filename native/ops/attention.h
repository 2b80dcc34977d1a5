#pragma once
#include "op.h"

namespace lrp {

/// exp(x) / sum exp(x) along one axis.
class Softmax : public Op {
 public:
  explicit Softmax(int64_t axis) : axis_(axis) {}
  Tensor forward(const std::vector<Tensor>& inputs, const Pass& pass) const override;
  int64_t axis() const { return axis_; }

 private:
  int64_t axis_;
};

/// softmax(q k^T * scale) v, over any leading axes.
class Attention : public Op {
 public:
  /// Without a scale it is one over the root of the queries' last axis.
  explicit Attention(std::optional<double> scale) : scale_(scale) {}
  Tensor forward(const std::vector<Tensor>& inputs, const Pass& pass) const override;
  std::optional<std::vector<int64_t>> output_shape(const std::vector<Tensor>& inputs) const override;
  double multiply_adds(const std::vector<Tensor>& inputs, const Tensor& output) const override;
  double scale(const Tensor& query) const;

 private:
  std::optional<double> scale_;
};

}  // namespace lrp
