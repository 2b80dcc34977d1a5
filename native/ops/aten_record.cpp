#include "aten_record.h"

#include <ATen/core/enum_tag.h>

#include <map>
#include <set>
#include <sstream>

namespace lrp {

namespace {

using Sign = OpRecord::Sign;

const OpRecord kAtenMove{"move", "gradient", Sign::kKeeps, true, "exact"};
/// Moves values and fills places with others.
const OpRecord kAtenMoveAndFill{"move", "gradient", Sign::kAny, true, "up to bias"};
const OpRecord kAtenPass{"activation", "pass", Sign::kAny, false, "exact"};
const OpRecord kAtenPassNonnegative{"activation", "pass", Sign::kMakesNonnegative, false, "exact"};
const OpRecord kAtenPassKeeping{"activation", "pass", Sign::kKeeps, false, "exact"};
const OpRecord kAtenLinear{"average", "norm", Sign::kAny, false, "exact"};
const OpRecord kAtenLinearWithBias{"average", "norm", Sign::kAny, false, "up to bias"};
const OpRecord kAtenAverage{"average", "norm", Sign::kKeeps, false, "exact"};
/// What a normalisation divides by: held constant, as in a layer norm.
const OpRecord kAtenDivisor{"divisor", "constant", Sign::kAny, false, "no"};
const OpRecord kAtenDivisorNonnegative{"divisor", "constant", Sign::kMakesNonnegative, false, "no"};
const OpRecord kAtenProduct{"product", "uniform", Sign::kKeeps, false, "exact"};
const OpRecord kAtenMatrixProduct{"attention", "", Sign::kKeeps, false, "exact"};
const OpRecord kAtenNone{"other", "", Sign::kAny, false, "no"};

/// The record of what turns logits into probabilities, which gate, or into their logarithms.
OpRecord aten_squashing(const char* how, bool gates, OpRecord record) {
  record.squashes = how;
  record.gates = gates;
  return record;
}

/// Calls with one tensor through which relevance passes as the gradient times the input.
const std::set<std::string> kAtenHomogeneous{"relu",     "leaky_relu", "prelu",    "abs", "absolute", "neg",
                                             "negative", "mul",        "multiply", "div", "divide",   "true_divide"};
/// Every number stays in its order: only the shape or the type changes.
const std::set<std::string> kAtenInOrder{"alias",        "view",      "view_as",        "_unsafe_view", "reshape",
                                         "reshape_as",   "flatten",   "unflatten",      "squeeze",      "unsqueeze",
                                         "squeeze_copy", "view_copy", "unsqueeze_copy", "clone",        "contiguous",
                                         "detach",       "to",        "_to_copy",       "type_as",      "copy"};
const std::set<std::string> kAtenLookups{"embedding", "index_select"};

/// Where schema and tags do not tell, by the operator's name without its overload.
const std::map<std::string, OpRecord>& exceptions() {
  static const auto table = [] {
    std::map<std::string, OpRecord> t;
    const auto add = [&t](const OpRecord& record, const char* names) {
      std::istringstream words(names);
      for (std::string word; words >> word;) t[word] = record;
    };
    add(kAtenMove,
        "roll flip fliplr flipud rot90 gather index index_select take take_along_dim repeat tile repeat_interleave "
        "pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle cat concat concatenate stack "
        "hstack vstack dstack column_stack row_stack reflection_pad1d reflection_pad2d reflection_pad3d "
        "replication_pad1d replication_pad2d replication_pad3d max amax min amin topk sort msort kthvalue median "
        "mode cummax cummin max_pool1d max_pool2d max_pool3d max_pool1d_with_indices max_pool2d_with_indices "
        "max_pool3d_with_indices adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d clone contiguous copy to "
        "_to_copy type_as narrow_copy broadcast_tensors meshgrid combinations cartesian_prod maximum "
        "minimum fmax fmin reshape reshape_as flatten unflatten view_copy permute_copy expand_copy slice_copy "
        "select_copy split_copy unbind_copy unfold_copy squeeze_copy unsqueeze_copy transpose_copy");
    add(kAtenMoveAndFill,
        "pad constant_pad_nd im2col block_diag where masked_fill masked_scatter tril triu slice_scatter select_scatter "
        "diagonal_scatter "
        "as_strided_scatter scatter index_put index_copy index_fill put diag_embed diagflat embedding");
    add(kAtenPass, "add sub subtract rsub neg negative");
    add(kAtenPassNonnegative, "abs absolute exp exp2 square sqrt relu relu6 softplus cosh");
    add(aten_squashing("", true, kAtenPassNonnegative), "hardsigmoid");
    add(aten_squashing("sigmoid", true, kAtenPassNonnegative), "sigmoid special_expit");
    add(aten_squashing("sigmoid", false, kAtenPass), "log_sigmoid");
    add(aten_squashing("logarithm", false, kAtenPass), "log");
    add(kAtenPassKeeping,
        "silu hardswish gelu elu leaky_relu prelu tanh erf selu celu mish clamp_min atan log1p "
        "expm1 softshrink hardshrink ceil floor round trunc");
    add(kAtenLinear, "cumsum trapezoid diff trace upsample_bicubic2d grid_sampler grid_sampler_2d grid_sampler_3d");
    add(kAtenLinearWithBias,
        "bilinear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution linear addmm "
        "addmv "
        "addbmm baddbmm");
    add(kAtenAverage,
        "sum mean nansum avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d "
        "_adaptive_avg_pool2d _adaptive_avg_pool3d upsample_nearest1d upsample_nearest2d upsample_nearest3d "
        "upsample_linear1d upsample_bilinear2d upsample_trilinear3d col2im scatter_add index_add sum_to_size");
    add(kAtenDivisor, "rsqrt reciprocal");
    add(kAtenDivisorNonnegative,
        "linalg_vector_norm norm var std var_mean std_mean frobenius_norm linalg_norm linalg_matrix_norm native_norm");
    add(kAtenProduct, "mul multiply");
    add({"other", "pass", Sign::kAny, false, "exact"}, "div divide true_divide");
    add(kAtenMatrixProduct, "matmul mm bmm einsum tensordot linalg_matmul");
    add(aten_squashing("softmax", true, {"attention", "", Sign::kMakesNonnegative, false, "no"}),
        "softmax _softmax special_softmax");
    add(aten_squashing("softmax", false, kAtenNone), "log_softmax _log_softmax special_log_softmax");
    // of their input they read the shape alone, or stop the gradient
    add({"constant", "gradient", Sign::kAny, false, "no"},
        "zeros_like ones_like full_like new_zeros new_ones new_full detach detach_copy");
    // called by name they offer no linear map: relevance passes unchanged, as AttnLRP proposes for norms
    add({"other", "pass", Sign::kAny, false, "exact"},
        "layer_norm native_layer_norm group_norm native_group_norm rms_norm instance_norm batch_norm "
        "native_batch_norm _native_batch_norm_legit_no_training");
    return t;
  }();
  return table;
}

/// How many tensors an argument holds at least; a list counts as two.
size_t tensors_in(const c10::Argument& argument) {
  const auto type = argument.type()->kind() == c10::TypeKind::OptionalType
                        ? argument.type()->expectRef<c10::OptionalType>().getElementType()
                        : argument.type();
  if (type->kind() == c10::TypeKind::ListType) {
    return type->expectRef<c10::ListType>().getElementType()->kind() == c10::TypeKind::TensorType ? 2 : 0;
  }
  return type->kind() == c10::TypeKind::TensorType ? 1 : 0;
}

OpRecord from_schema(const c10::OperatorHandle& overload, const std::string& name, size_t tensors) {
  const auto found = exceptions().find(name);
  bool views = false;
  for (const auto& argument : overload.schema().arguments()) {
    views = views || (argument.alias_info() && !argument.alias_info()->isWrite());
  }
  if (tensors == 0) return {"constant", "gradient", Sign::kAny, true, "exact"};
  if (found != exceptions().end()) {
    // a sum, product or choice of two tensors, not of a tensor and a number
    if (tensors > 1 && found->second.rule == "pass" && found->second.kind == "activation" &&
        overload.hasTag(at::Tag::pointwise) && found->first != "prelu") {
      return {"sum", "norm", Sign::kAny, false, "exact"};
    }
    if (tensors == 1 && found->second.kind == "product") return {"other", "pass", Sign::kAny, false, "exact"};
    return found->second;
  }
  if (views) return kAtenMove;
  if (!overload.hasTag(at::Tag::pointwise)) return kAtenNone;
  return tensors == 1 ? kAtenPass : OpRecord{"other", "gradient", Sign::kAny, false, "no"};
}

}  // namespace

OpRecord aten_record(const c10::OperatorHandle& overload) {
  const auto& schema = overload.schema();
  const std::string name = schema.name().substr(schema.name().find("::") + 2);
  size_t tensors = 0;
  for (const auto& argument : schema.arguments()) tensors += tensors_in(argument);
  OpRecord record = from_schema(overload, name, tensors);
  record.called = true;
  const bool rounds = schema.overload_name().find("mode") != std::string::npos;
  record.homogeneous = kAtenHomogeneous.count(name) > 0 && (tensors == 1 || name == "prelu") && !rounds;
  record.looks_up = kAtenLookups.count(name) > 0;
  if (overload.hasTag(at::Tag::pointwise)) record.reach = OpRecord::kPlace;
  if (kAtenInOrder.count(name) > 0) record.reach = OpRecord::kOrder;
  return record;
}

}  // namespace lrp
