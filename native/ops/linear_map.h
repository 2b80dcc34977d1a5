#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <mutex>
#include <tuple>

namespace lrp {

using at::Tensor;

/// Which of a layer's weights are meant: `above * max(W, 0) + below * min(W, 0)`, W squared, or all ones. The bias is
/// treated alike (ones: no bias).
struct Part {
  enum Kind { kSplit, kSquared, kOnes };
  Kind kind = kSplit;
  double above = 1, below = 1;

  static Part full() { return {kSplit, 1, 1}; }
  static Part positive() { return {kSplit, 1, 0}; }
  static Part negative() { return {kSplit, 0, 1}; }
  static Part absolute() { return {kSplit, 1, -1}; }
  static Part squared() { return {kSquared, 1, 1}; }
  static Part ones() { return {kOnes, 1, 1}; }
  static Part split(double above, double below) { return {kSplit, above, below}; }

  bool is_full() const { return kind == kSplit && above == 1 && below == 1; }
  bool operator<(const Part& o) const { return std::tie(kind, above, below) < std::tie(o.kind, o.above, o.below); }
  bool operator==(const Part& o) const { return !(*this < o) && !(o < *this); }

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

  /// The weights are [in, out / groups, ...], as in a transposed convolution.
  virtual bool transposed() const { return false; }
  /// Every row of the last axis is mapped by itself.
  virtual bool maps_rows() const { return false; }
  /// Zeros are added around the input.
  virtual bool pads() const { return false; }

  /// The layer's weights; undefined where there are none.
  Tensor weight() const { return weight_; }
  /// A part of the bias, undefined where there is none.
  Tensor bias(Part part) const;
  /// A part of the bias shaped to broadcast against the output.
  virtual Tensor bias_like_output(Part part) const { return bias(part); }

 protected:
  LinearMap(Tensor weight, Tensor bias) : weight_(std::move(weight)), bias_(std::move(bias)) {}
  /// Throws INVALID_ARGUMENT for a bias of another length.
  void check_bias(int64_t outputs) const;
  /// A part of the weights: made once and kept where it is small enough to keep, made anew where it is huge.
  Tensor weight(Part part) const;

  Tensor weight_;
  Tensor bias_;

 private:
  mutable std::mutex mutex_;
  mutable std::map<Part, Tensor> kept_;
};

}  // namespace lrp
