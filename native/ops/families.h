#pragma once
#include <functional>
#include <optional>

#include "op.h"

namespace lrp {

// One factory per family of ops; native/ops/registry.cpp gives them their names.
std::shared_ptr<Op> make_linear(const OpArguments&);
std::shared_ptr<Op> make_convolution(const OpArguments&);
std::shared_ptr<Op> make_transposed_convolution(const OpArguments&);
std::shared_ptr<Op> make_pool(const OpArguments&);
std::shared_ptr<Op> make_batch_norm(const OpArguments&);
std::shared_ptr<Op> make_layer_norm(const OpArguments&);
std::shared_ptr<Op> make_group_norm(const OpArguments&);
std::shared_ptr<Op> make_activation(const OpArguments&);
std::shared_ptr<Op> make_arithmetic(const OpArguments&);
std::shared_ptr<Op> make_constant(const OpArguments&);
std::shared_ptr<Op> make_other_input(const OpArguments&);
std::shared_ptr<Op> make_reduction(const OpArguments&);
std::shared_ptr<Op> make_shape(const OpArguments&);
std::shared_ptr<Op> make_interpolate(const OpArguments&);
std::shared_ptr<Op> make_softmax(const OpArguments&);
std::shared_ptr<Op> make_attention(const OpArguments&);
/// Any overload that a graph may call (aten_schema.h), its arguments by schema name (docs/ops.md).
std::shared_ptr<Op> make_aten_call(const OpArguments&);

/// ATen spells "no bias" as an empty optional.
inline std::optional<Tensor> optional(const Tensor& t) { return t.defined() ? std::optional<Tensor>(t) : std::nullopt; }

/// Gradient at an input shaped like `x` of the linear function `f`, by plain autograd (`f` is linear: any x will do).
Tensor gradient_of_linear(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& g);

}  // namespace lrp
