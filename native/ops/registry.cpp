#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

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

const OpRecord kLinear{"linear", "", Sign::kAny, false, "up to bias"};
const OpRecord kTransposed = transposed({"convolution", "", Sign::kAny, false, "up to bias"});
const OpRecord kConvolution = in_windows({"convolution", "", Sign::kAny, false, "up to bias"});
const OpRecord kAverage{"average", "norm", Sign::kKeeps, false, "exact"};
const OpRecord kAveragePool = in_windows(kAverage);
const OpRecord kSum = at_places({"sum", "norm", Sign::kKeeps, false, "exact"});
const OpRecord kDifference = at_places({"sum", "norm", Sign::kAny, false, "exact"});
const OpRecord kShift = at_places({"sum", "norm", Sign::kAny, false, "up to bias"});
const OpRecord kQuotient = at_places({"other", "pass", Sign::kAny, false, "exact"});
const OpRecord kScaled = homogeneous(kQuotient);
const OpRecord kProduct = at_places({"product", "uniform", Sign::kKeeps, false, "exact"});
const OpRecord kMatrixProduct{"attention", "", Sign::kKeeps, false, "exact"};
const OpRecord kSoftmax = squashing("softmax", gating({"attention", "", Sign::kMakesNonnegative, false, "no"}));
const OpRecord kLogSoftmax = squashing("softmax", {"other", "", Sign::kAny, false, "no"});
const OpRecord kAttention{"attention", "", Sign::kAny, false, "no"};
const OpRecord kActivation = at_places({"activation", "pass", Sign::kAny, false, "exact"});
const OpRecord kNonnegative = at_places({"activation", "pass", Sign::kMakesNonnegative, false, "exact"});
const OpRecord kRelu =
    homogeneous(at_places({"activation", "pass", Sign::kMakesNonnegative, false, "exact", OpRecord::kRelu}));
const OpRecord kRelu6 =
    at_places({"activation", "pass", Sign::kMakesNonnegative, false, "exact", OpRecord::kBelowZero});
const OpRecord kGate = gating(kNonnegative);
const OpRecord kSigmoid = squashing("sigmoid", kGate);
const OpRecord kKeepsSign = at_places({"activation", "pass", Sign::kKeeps, false, "exact"});
const OpRecord kLeaky = homogeneous(kKeepsSign);
const OpRecord kBatchNorm = at_places({"batch_norm", "pass", Sign::kAny, false, "exact"});
const OpRecord kNorm{"normalisation", "", Sign::kAny, false, "up to bias"};
const OpRecord kMove{"move", "gradient", Sign::kKeeps, true, "exact"};
const OpRecord kMoveInPlace = at_places(kMove);
const OpRecord kReshape = in_order(kMove);
const OpRecord kMaxPool = in_windows(kMove);
const OpRecord kPad = at_places({"move", "gradient", Sign::kAny, true, "up to bias"});
const OpRecord kConstant{"constant", "gradient", Sign::kAny, true, "exact"};
const OpRecord kFurtherInput{"constant", "gradient", Sign::kAny, true, "no"};  // relevance ends there

struct Entry {
  Factory make;
  OpRecord record;
};

/// Every op of ours, with its record: one line each.
const std::map<std::string, Entry>& entries() {
  static const std::map<std::string, Entry> table{{"linear", {make_linear, kLinear}},
                                                  {"conv1d", {make_convolution, kConvolution}},
                                                  {"conv2d", {make_convolution, kConvolution}},
                                                  {"conv3d", {make_convolution, kConvolution}},
                                                  {"conv_transpose1d", {make_transposed_convolution, kTransposed}},
                                                  {"conv_transpose2d", {make_transposed_convolution, kTransposed}},
                                                  {"conv_transpose3d", {make_transposed_convolution, kTransposed}},
                                                  {"avg_pool1d", {make_pool, kAveragePool}},
                                                  {"avg_pool2d", {make_pool, kAveragePool}},
                                                  {"avg_pool3d", {make_pool, kAveragePool}},
                                                  {"sum_pool1d", {make_pool, kAveragePool}},
                                                  {"sum_pool2d", {make_pool, kAveragePool}},
                                                  {"sum_pool3d", {make_pool, kAveragePool}},
                                                  {"max_pool1d", {make_pool, kMaxPool}},
                                                  {"max_pool2d", {make_pool, kMaxPool}},
                                                  {"max_pool3d", {make_pool, kMaxPool}},
                                                  {"adaptive_avg_pool1d", {make_pool, kAverage}},
                                                  {"adaptive_avg_pool2d", {make_pool, kAverage}},
                                                  {"adaptive_avg_pool3d", {make_pool, kAverage}},
                                                  {"adaptive_max_pool1d", {make_pool, kMove}},
                                                  {"adaptive_max_pool2d", {make_pool, kMove}},
                                                  {"adaptive_max_pool3d", {make_pool, kMove}},
                                                  {"batch_norm", {make_batch_norm, kBatchNorm}},
                                                  {"layer_norm", {make_layer_norm, kNorm}},
                                                  {"group_norm", {make_group_norm, kNorm}},
                                                  {"relu", {make_activation, kRelu}},
                                                  {"relu6", {make_activation, kRelu6}},
                                                  {"silu", {make_activation, kKeepsSign}},
                                                  {"sigmoid", {make_activation, kSigmoid}},
                                                  {"tanh", {make_activation, kKeepsSign}},
                                                  {"hardswish", {make_activation, kKeepsSign}},
                                                  {"hardsigmoid", {make_activation, kGate}},
                                                  {"softplus", {make_activation, kNonnegative}},
                                                  {"identity", {make_activation, kMoveInPlace}},
                                                  {"hardtanh", {make_activation, kActivation}},
                                                  {"leaky_relu", {make_activation, kLeaky}},
                                                  {"elu", {make_activation, kKeepsSign}},
                                                  {"gelu", {make_activation, kKeepsSign}},
                                                  {"softmax", {make_softmax, kSoftmax}},
                                                  {"log_softmax", {make_activation, kLogSoftmax}},
                                                  {"dropout", {make_activation, kMoveInPlace}},
                                                  {"add", {make_arithmetic, kSum}},
                                                  {"sub", {make_arithmetic, kDifference}},
                                                  {"mul", {make_arithmetic, kProduct}},
                                                  {"div", {make_arithmetic, kQuotient}},
                                                  {"add_scalar", {make_arithmetic, kShift}},
                                                  {"mul_scalar", {make_arithmetic, kScaled}},
                                                  {"cat", {make_arithmetic, kMoveInPlace}},
                                                  {"matmul", {make_arithmetic, kMatrixProduct}},
                                                  {"expand_batch", {make_arithmetic, kMove}},
                                                  {"constant", {make_constant, kConstant}},
                                                  {kOtherInput, {make_other_input, kFurtherInput}},
                                                  {"scaled_dot_product_attention", {make_attention, kAttention}},
                                                  {"mean", {make_reduction, kAverage}},
                                                  {"sum", {make_reduction, kAverage}},
                                                  {"interpolate", {make_interpolate, kAverage}},
                                                  {"flatten", {make_shape, kReshape}},
                                                  {"reshape", {make_shape, kReshape}},
                                                  {"permute", {make_shape, kMove}},
                                                  {"squeeze", {make_shape, kReshape}},
                                                  {"unsqueeze", {make_shape, kReshape}},
                                                  {"slice", {make_shape, kMove}},
                                                  {"select", {make_shape, kMove}},
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
    throw Error("INVALID_ARGUMENT", "it reads " + std::to_string(allowed) + (allowed == 1 ? " input" : " inputs") +
                                        ", not " + std::to_string(inputs));
  }
}

bool is_aten(const std::string& name) { return name.rfind("aten::", 0) == 0; }

const Entry& entry_of(const std::string& name) {
  const auto found = entries().find(name);
  if (found != entries().end()) return found->second;
  throw Error("UNSUPPORTED", "there is no op '" + name + "': docs/ops.md lists all ops");
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
  if (!found.defined()) throw Error("INVALID_ARGUMENT", name + " needs the parameter '" + role + "'");
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
  const OpArguments arguments{name, attributes, parameters, inputs};
  auto op = entry.make(arguments);
  for (const auto& [role, tensor] : parameters) {
    if (arguments.roles.count(role) == 0) throw Error("INVALID_ARGUMENT", "parameter '" + role + "' is unknown");
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
