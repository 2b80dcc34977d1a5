#pragma once
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "attributes.h"
#include "linear_map.h"
#include "op_record.h"

namespace lrp {

/// What a forward pass knows besides the tensors that a node reads.
struct Pass {
  std::vector<int64_t> input_sizes;  // of the network's input
  c10::Device device = c10::kCPU;
  bool training = false;
  c10::ScalarType dtype = c10::kFloat;  // what the network computes in

  static Pass of(const Tensor& input) { return {input.sizes().vec(), input.device(), false, input.scalar_type()}; }
};

/// y = scale * x + shift, per channel, in double.
struct ChannelAffine {
  Tensor scale, shift;
};

/// Windows that slide over the last two axes, and what is put around the input before: for those who compute a part of
/// an output.
struct WindowShape {
  std::vector<int64_t> kernel, stride, padding, dilation;
  double filler;
};

/// One kind of layer. `forward` is differentiable by plain autograd (training, gradients);
/// an op that is linear also offers `linear()`, which the rules of LRP work on.
class Op {
 public:
  virtual ~Op() = default;
  /// Throws lrp::Error or c10::Error where shapes do not fit; the caller adds the node's name.
  virtual Tensor forward(const std::vector<Tensor>& inputs, const Pass& pass) const = 0;
  /// The output's shape for inputs that may be without data (device meta): a formula, for ops whose kernels need data.
  /// Without one `forward` runs on tensors without data. Throws as `forward` does.
  virtual std::optional<std::vector<int64_t>> output_shape(const std::vector<Tensor>&) const { return std::nullopt; }
  /// Multiply-adds of a forward pass with these shapes: only what multiplies by weights, or one signal by another,
  /// counts.
  virtual double multiply_adds(const std::vector<Tensor>&, const Tensor& /*output*/) const { return 0; }
  virtual const LinearMap* linear() const { return nullptr; }
  /// What an op that multiplies and shifts every channel by numbers of its own computes; batch norm.
  virtual std::optional<ChannelAffine> channel_affine() const { return std::nullopt; }
  /// Of an op whose output is made of equal windows of one input [images, channels, height, width].
  virtual std::optional<WindowShape> window_shape() const { return std::nullopt; }
  /// The op on an input that has its padding already; of ops with a window's shape.
  virtual Tensor forward_padded(const Tensor& x) const { return x; }
  /// The argument of the schema that an input fills; of calls.
  virtual std::string argument_of(size_t /*input*/) const { return ""; }
  /// Axis 0 of the output is axis 0 of the inputs, whatever it holds.
  virtual bool keeps_first_axis() const { return true; }
  /// Draws random numbers while training.
  virtual bool draws() const { return false; }
  /// Takes statistics over the images of a batch while training.
  virtual bool mixes_images() const { return false; }
  /// The linear map that the op is while what it divides by, made from these inputs, is held constant; null where it is
  /// none.
  virtual std::shared_ptr<const LinearMap> linear_at(const std::vector<Tensor>&) const { return nullptr; }
};

/// What an op is built from.
struct OpArguments {
  const std::string& name;
  const Attributes& attributes;
  const Parameters& parameters;
  size_t inputs;                             // number of nodes it reads
  mutable std::set<std::string> roles = {};  // of the parameters that were asked for
  /// Throws INVALID_ARGUMENT when the parameter is not there.
  Tensor parameter(const std::string& role) const;
  /// Undefined when it is not there.
  Tensor optional_parameter(const std::string& role) const;
  /// The number that ends the name: 2 for `conv2d`.
  size_t axes() const;
};

/// Builds the op called `name`. Throws UNSUPPORTED for an unknown name, INVALID_ARGUMENT for attributes that do not
/// fit.
std::shared_ptr<Op> make_op(const std::string& name, const Attributes& attributes, const Parameters& parameters,
                            size_t inputs);
std::vector<std::string> op_names();

}  // namespace lrp
