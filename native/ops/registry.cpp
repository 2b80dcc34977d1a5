#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <mutex>

#include "../error.h"
#include "aten_record.h"
#include "aten_schema.h"
#include "families.h"
#include "other_input.h"
#include "op_record.h"

namespace lrp {

namespace {

using Factory = std::shared_ptr<Op> (*)(const OpArguments&);
using Sign = OpRecord::Sign;

OpRecord at_places(OpRecord record) {
  record.reach = OpRecord::kPlace;
  return record;
}
OpRecord in_windows(OpRecord record) {
  record.reach = OpRecord::kWindow;
  return record;
}
OpRecord in_order(OpRecord record) {
  record.reach = OpRecord::kOrder;
  return record;
}
OpRecord homogeneous(OpRecord record) {
  record.homogeneous = true;
  return record;
}
OpRecord transposed(OpRecord record) {
  record.transposed = true;
  return record;
}
OpRecord squashing(const char* how, OpRecord record) {
  record.squashes = how;
  return record;
}
OpRecord gating(OpRecord record) {
  record.gates = true;
  return record;
}
OpRecord with(std::vector<std::string> attributes, OpRecord record) {
  record.attributes = std::move(attributes);
  return record;
}

const OpRecord kLinear{"linear", "", Sign::kAny, false, "up to bias"};
// The weight says what `kernel_size` is, and only transposed convolutions have an output padding: both are checked.
const std::vector<std::string> kConvolutionAttributes{"stride", "padding",        "dilation",
                                                      "groups", "output_padding", "kernel_size"};
const OpRecord kTransposed =
    with(kConvolutionAttributes, transposed({"convolution", "", Sign::kAny, false, "up to bias"}));
const OpRecord kConvolution =
    with(kConvolutionAttributes, in_windows({"convolution", "", Sign::kAny, false, "up to bias"}));
const OpRecord kAverage{"average", "norm", Sign::kKeeps, false, "exact"};
const OpRecord kAveragePool =
    with({"kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"}, in_windows(kAverage));
const OpRecord kSumPool = with({"kernel_size", "stride", "padding", "ceil_mode"}, in_windows(kAverage));
const OpRecord kAdaptiveAverage = with({"output_size"}, kAverage);
const OpRecord kReduction = with({"dim", "keepdim"}, kAverage);
const OpRecord kSum = at_places({"sum", "norm", Sign::kKeeps, false, "exact"});
const OpRecord kDifference = at_places({"sum", "norm", Sign::kAny, false, "exact"});
const OpRecord kShift = with({"value"}, at_places({"sum", "norm", Sign::kAny, false, "up to bias"}));
const OpRecord kQuotient = at_places({"other", "pass", Sign::kAny, false, "exact"});
const OpRecord kScaled = with({"value"}, homogeneous(kQuotient));
const OpRecord kProduct = at_places({"product", "uniform", Sign::kKeeps, false, "exact"});
const OpRecord kMatrixProduct{"attention", "", Sign::kKeeps, false, "exact"};
const OpRecord kSoftmax =
    with({"dim"}, squashing("softmax", gating({"attention", "", Sign::kMakesNonnegative, false, "no"})));
const OpRecord kLogSoftmax = with({"dim"}, squashing("softmax", {"other", "", Sign::kAny, false, "no"}));
const OpRecord kAttention = with({"scale"}, {"attention", "", Sign::kAny, false, "no"});
const OpRecord kActivation = at_places({"activation", "pass", Sign::kAny, false, "exact"});
const OpRecord kNonnegative = at_places({"activation", "pass", Sign::kMakesNonnegative, false, "exact"});
const OpRecord kRelu =
    homogeneous(at_places({"activation", "pass", Sign::kMakesNonnegative, false, "exact", OpRecord::kRelu}));
const OpRecord kRelu6 =
    at_places({"activation", "pass", Sign::kMakesNonnegative, false, "exact", OpRecord::kBelowZero});
const OpRecord kGate = gating(kNonnegative);
const OpRecord kSigmoid = squashing("sigmoid", kGate);
const OpRecord kKeepsSign = at_places({"activation", "pass", Sign::kKeeps, false, "exact"});
const OpRecord kLeaky = with({"negative_slope"}, homogeneous(kKeepsSign));
const OpRecord kBatchNorm = with({"eps", "momentum"}, at_places({"batch_norm", "pass", Sign::kAny, false, "exact"}));
const OpRecord kNorm{"normalisation", "", Sign::kAny, false, "up to bias"};
const OpRecord kMove{"move", "gradient", Sign::kKeeps, true, "exact"};
const OpRecord kMoveInPlace = at_places(kMove);
const OpRecord kReshape = in_order(kMove);
const OpRecord kMaxPool = with({"kernel_size", "stride", "padding", "dilation", "ceil_mode"}, in_windows(kMove));
const OpRecord kAdaptiveMaximum = with({"output_size"}, kMove);
const OpRecord kPad =
    with({"padding", "mode", "value"}, at_places({"move", "gradient", Sign::kAny, true, "up to bias"}));
const OpRecord kConstant{"constant", "gradient", Sign::kAny, true, "exact"};
// Relevance ends there. What JavaScript reads of it is checked.
const OpRecord kFurtherInput =
    with({"shape", "explained", "required"}, {"constant", "gradient", Sign::kAny, true, "no"});

struct Entry {
  Factory make;
  OpRecord record;
};

/// Every op of ours, with its record: one line each.
const std::map<std::string, Entry>& entries() {
  static const std::map<std::string, Entry> table{
      {"linear", {make_linear, kLinear}},
      {"conv1d", {make_convolution, kConvolution}},
      {"conv2d", {make_convolution, kConvolution}},
      {"conv3d", {make_convolution, kConvolution}},
      {"conv_transpose1d", {make_transposed_convolution, kTransposed}},
      {"conv_transpose2d", {make_transposed_convolution, kTransposed}},
      {"conv_transpose3d", {make_transposed_convolution, kTransposed}},
      {"avg_pool1d", {make_pool, kAveragePool}},
      {"avg_pool2d", {make_pool, kAveragePool}},
      {"avg_pool3d", {make_pool, kAveragePool}},
      {"sum_pool1d", {make_pool, kSumPool}},
      {"sum_pool2d", {make_pool, kSumPool}},
      {"sum_pool3d", {make_pool, kSumPool}},
      {"max_pool1d", {make_pool, kMaxPool}},
      {"max_pool2d", {make_pool, kMaxPool}},
      {"max_pool3d", {make_pool, kMaxPool}},
      {"adaptive_avg_pool1d", {make_pool, kAdaptiveAverage}},
      {"adaptive_avg_pool2d", {make_pool, kAdaptiveAverage}},
      {"adaptive_avg_pool3d", {make_pool, kAdaptiveAverage}},
      {"adaptive_max_pool1d", {make_pool, kAdaptiveMaximum}},
      {"adaptive_max_pool2d", {make_pool, kAdaptiveMaximum}},
      {"adaptive_max_pool3d", {make_pool, kAdaptiveMaximum}},
      {"batch_norm", {make_batch_norm, kBatchNorm}},
      {"layer_norm", {make_layer_norm, with({"normalized_shape", "eps"}, kNorm)}},
      {"group_norm", {make_group_norm, with({"num_groups", "eps"}, kNorm)}},
      {"relu", {make_activation, kRelu}},
      {"relu6", {make_activation, kRelu6}},
      {"silu", {make_activation, kKeepsSign}},
      {"sigmoid", {make_activation, kSigmoid}},
      {"tanh", {make_activation, kKeepsSign}},
      {"hardswish", {make_activation, kKeepsSign}},
      {"hardsigmoid", {make_activation, kGate}},
      {"softplus", {make_activation, with({"beta"}, kNonnegative)}},
      {"identity", {make_activation, kMoveInPlace}},
      {"hardtanh", {make_activation, with({"min_val", "max_val"}, kActivation)}},
      {"leaky_relu", {make_activation, kLeaky}},
      {"elu", {make_activation, with({"alpha"}, kKeepsSign)}},
      {"gelu", {make_activation, with({"approximate"}, kKeepsSign)}},
      {"softmax", {make_softmax, kSoftmax}},
      {"log_softmax", {make_activation, kLogSoftmax}},
      {"dropout", {make_activation, with({"p", "training"}, kMoveInPlace)}},
      {"add", {make_arithmetic, kSum}},
      {"sub", {make_arithmetic, kDifference}},
      {"mul", {make_arithmetic, kProduct}},
      {"div", {make_arithmetic, kQuotient}},
      {"add_scalar", {make_arithmetic, kShift}},
      {"mul_scalar", {make_arithmetic, kScaled}},
      {"cat", {make_arithmetic, with({"dim"}, kMoveInPlace)}},
      {"matmul", {make_arithmetic, kMatrixProduct}},
      {"expand_batch", {make_arithmetic, kMove}},
      {"constant", {make_constant, kConstant}},
      {kOtherInput, {make_other_input, kFurtherInput}},
      {"scaled_dot_product_attention", {make_attention, kAttention}},
      {"mean", {make_reduction, kReduction}},
      {"sum", {make_reduction, kReduction}},
      {"interpolate", {make_interpolate, with({"size", "scale_factor", "mode", "align_corners"}, kAverage)}},
      {"flatten", {make_shape, with({"start_dim", "end_dim"}, kReshape)}},
      {"reshape", {make_shape, with({"shape"}, kReshape)}},
      {"permute", {make_shape, with({"dims"}, kMove)}},
      {"squeeze", {make_shape, with({"dim"}, kReshape)}},
      {"unsqueeze", {make_shape, with({"dim"}, kReshape)}},
      {"slice", {make_shape, with({"dim", "start", "end", "step"}, kMove)}},
      {"select", {make_shape, with({"dim", "index"}, kMove)}},
      {"pad", {make_shape, kPad}}};
  return table;
}

/// An input that an op does not read would be lost. Throws INVALID_ARGUMENT.
void check_inputs(const std::string& name, size_t inputs) {
  static const std::map<std::string, size_t> most{{"constant", 0},
                                                  {"sub", 2},
                                                  {"mul", 2},
                                                  {"div", 2},
                                                  {"matmul", 2},
                                                  {"expand_batch", 2},
                                                  {"scaled_dot_product_attention", 3},
                                                  {"add", std::numeric_limits<size_t>::max()},
                                                  {"cat", std::numeric_limits<size_t>::max()}};
  const auto found = most.find(name);
  const size_t allowed = found == most.end() ? 1 : found->second;
  if (inputs > allowed) {
    throw Error("INVALID_ARGUMENT", "the op takes " + std::to_string(allowed) + (allowed == 1 ? " input" : " inputs") +
                                        ", but the node has " + std::to_string(inputs));
  }
}

/// An attribute that an op does not know would be ignored. Throws INVALID_ARGUMENT.
void check_attributes(const std::string& name, const OpRecord& record, const Attributes& attributes) {
  const auto& known = record.attributes;
  for (const auto& one : attributes.names()) {
    if (std::find(known.begin(), known.end(), one) != known.end()) continue;
    std::string all;
    for (const auto& each : known) all += (all.empty() ? " has " : ", ") + each;
    throw Error("INVALID_ARGUMENT",
                "attribute '" + one + "' is unknown: " + name + (all.empty() ? " has no attributes" : all));
  }
}

bool is_aten(const std::string& name) { return name.rfind("aten::", 0) == 0; }

const Entry& entry_of(const std::string& name) {
  const auto found = entries().find(name);
  if (found != entries().end()) return found->second;
  throw Error("UNSUPPORTED", "there is no op '" + name + "': choose one from docs/ops.md");
}

}  // namespace

const OpRecord& op_record(const std::string& name) {
  if (!is_aten(name)) return entry_of(name).record;
  static std::mutex mutex;
  static std::map<std::string, OpRecord> known;
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = known.find(name);
  return found != known.end() ? found->second : known.emplace(name, aten_record(aten_overload(name))).first->second;
}

Tensor OpArguments::parameter(const std::string& role) const {
  const Tensor found = optional_parameter(role);
  if (!found.defined()) throw Error("INVALID_ARGUMENT", "the op " + name + " needs the parameter '" + role + "'");
  return found;
}

Tensor OpArguments::optional_parameter(const std::string& role) const {
  roles.insert(role);
  const auto found = parameters.find(role);
  return found == parameters.end() ? Tensor() : found->second;
}

size_t OpArguments::axes() const { return static_cast<size_t>(name.at(name.size() - 2) - '0'); }

std::shared_ptr<Op> make_op(const std::string& name, const Attributes& attributes, const Parameters& parameters,
                            size_t inputs) {
  if (is_aten(name)) return make_aten_call({name, attributes, parameters, inputs});
  const Entry& entry = entry_of(name);
  check_inputs(name, inputs);
  check_attributes(name, entry.record, attributes);
  const OpArguments arguments{name, attributes, parameters, inputs};
  auto op = entry.make(arguments);
  for (const auto& [role, tensor] : parameters) {
    if (arguments.roles.count(role) == 0) throw Error("INVALID_ARGUMENT", "the op has no parameter '" + role + "'");
    if (entry.record.kind != "constant" && !tensor.is_floating_point()) {
      throw Error("INVALID_ARGUMENT", "parameter '" + role + "' contains whole numbers, but must contain real numbers");
    }
  }
  return op;
}

std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries()) names.push_back(name);
  return names;
}

Tensor gradient_of_linear(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& g) {
  const at::AutoGradMode on(true);
  const Tensor input = at::empty_like(x).requires_grad_();
  return torch::autograd::grad({f(input)}, {input}, {g})[0];
}

}  // namespace lrp
