#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <mutex>

namespace lrp {

using at::Tensor;

/// Which of a layer's weights are meant: W, max(W, 0), min(W, 0), W squared, all ones, or W + gamma max(W, 0) and
/// W + gamma min(W, 0). The bias is treated alike (ones: no bias).
struct Part {
  enum Kind { kFull, kPositive, kNegative, kSquared, kOnes, kBoostedPositive, kBoostedNegative };
  Kind kind;
  double gamma = 0;

  static Part full() { return {kFull}; }
  static Part positive() { return {kPositive}; }
  static Part negative() { return {kNegative}; }
  static Part squared() { return {kSquared}; }
  static Part ones() { return {kOnes}; }
  static Part boosted_positive(double gamma) { return {kBoostedPositive, gamma}; }
  static Part boosted_negative(double gamma) { return {kBoostedNegative, gamma}; }
  bool operator<(const Part& o) const { return kind != o.kind ? kind < o.kind : gamma < o.gamma; }

  Tensor of(const Tensor& values) const;
};

/// What every linear op offers the rules: its forward map f and the gradient fT of that map with respect to its input.
/// Ops without weights (pooling, sums) have constant, non-negative ones: their parts are all the same map.
class LinearMap {
 public:
  virtual ~LinearMap() = default;

  /// f(x, w, b); an undefined b is no bias.
  virtual Tensor forward(const Tensor& x, const Tensor& w, const Tensor& b) const = 0;
  /// fT(g, w): gradient of f with respect to an input shaped like `x`.
  virtual Tensor input_gradient(const Tensor& g, const Tensor& x, const Tensor& w) const = 0;

  /// f with one part of the layer's own weights.
  virtual Tensor forward(const Tensor& x, Part part, bool with_bias) const;
  virtual Tensor input_gradient(const Tensor& g, const Tensor& x, Part part) const;

  /// The layer's weights; undefined where there are none.
  Tensor weight() const { return weight_; }
  /// A part of the bias, undefined where there is none.
  Tensor bias(Part part) const;
  /// A part of the bias shaped to broadcast against the output.
  virtual Tensor bias_like_output(Part part) const { return bias(part); }

 protected:
  LinearMap(Tensor weight, Tensor bias) : weight_(std::move(weight)), bias_(std::move(bias)) {}
  /// A part of the weights: made once and kept where it is small enough to keep, made anew where it is huge.
  Tensor weight(Part part) const;

  Tensor weight_;
  Tensor bias_;

 private:
  mutable std::mutex mutex_;
  mutable std::map<Part, Tensor> kept_;
};

}  // namespace lrp
