#include "aten_exceptions.h"

#include <set>
#include <sstream>
#include <stdexcept>

namespace lrp {

/// Many files are compiled as one: these short names would clash with those of registry.cpp.
namespace aten_tables {

using Sign = OpRecord::Sign;

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> result;
  for (std::string word; stream >> word;) result.push_back(word);
  return result;
}

const OpRecord kMove{"move", "gradient", Sign::kKeeps, true, "exact"};
/// Moves values and fills places with others.
const OpRecord kMoveAndFill{"move", "gradient", Sign::kAny, true, "up to bias"};
/// Of its inputs it reads the shape alone, or it stops the gradient.
const OpRecord kConstant{"constant", "gradient", Sign::kAny, false, "no"};
const OpRecord kPass{"activation", "pass", Sign::kAny, false, "exact"};
const OpRecord kPassNonnegative{"activation", "pass", Sign::kMakesNonnegative, false, "exact"};
const OpRecord kPassKeeping{"activation", "pass", Sign::kKeeps, false, "exact"};
const OpRecord kSum{"sum", "norm", Sign::kAny, false, "exact"};
/// A number that is added takes its share, as a bias does.
const OpRecord kShift{"sum", "norm", Sign::kAny, false, "up to bias"};
const OpRecord kLinear{"average", "norm", Sign::kAny, false, "exact"};
const OpRecord kLinearWithBias{"average", "norm", Sign::kAny, false, "up to bias"};
const OpRecord kAverage{"average", "norm", Sign::kKeeps, false, "exact"};
/// What a normalisation divides by: held constant, as in a layer norm.
const OpRecord kDivisor{"divisor", "constant", Sign::kAny, false, "no"};
const OpRecord kDivisorNonnegative{"divisor", "constant", Sign::kMakesNonnegative, false, "no"};
const OpRecord kProduct{"product", "uniform", Sign::kKeeps, false, "exact"};
const OpRecord kPassOther{"other", "pass", Sign::kAny, false, "exact"};
const OpRecord kMatrixProduct{"attention", "", Sign::kKeeps, false, "exact"};
const OpRecord kSoftmax{"attention", "", Sign::kMakesNonnegative, false, "no"};
const OpRecord kNone{"other", "", Sign::kAny, false, "no"};

/// What turns logits into probabilities, which gate, or into their logarithms.
OpRecord squashing(const char* how, bool gates, OpRecord record) {
  record.squashes = how;
  record.gates = gates;
  return record;
}
OpRecord homogeneous(OpRecord record) {
  record.homogeneous = true;
  return record;
}
OpRecord cutting(OpRecord::Cut cut, OpRecord record) {
  record.cut = cut;
  return record;
}
OpRecord looking_up(OpRecord record) {
  record.looks_up = true;
  return record;
}
OpRecord in_order(OpRecord record) {
  record.reach = OpRecord::kOrder;
  return record;
}
OpRecord with_factors(const char* arguments, OpRecord record) {
  record.factors = words(arguments);
  return record;
}
OpRecord with_held(const char* arguments, OpRecord record) {
  record.held = words(arguments);
  return record;
}

using Exceptions = std::map<std::string, AtenException>;

const Exceptions& exceptions() {
  static const Exceptions table = [] {
    Exceptions t;
    const auto add_both = [&t](const OpRecord& several, const OpRecord& one, const char* names) {
      for (const auto& name : words(names)) {
        if (!t.emplace(name, AtenException{several, one}).second) throw std::logic_error(name + " is listed twice");
      }
    };
    const auto add = [&](const OpRecord& record, const char* names) { add_both(record, record, names); };
    add(in_order(kMove),
        "alias view view_as reshape reshape_as flatten unflatten squeeze unsqueeze clone contiguous to "
        "_to_copy type_as");
    add(kMove,
        "roll flip fliplr flipud rot90 gather index take take_along_dim repeat tile repeat_interleave pixel_shuffle "
        "pixel_unshuffle channel_shuffle cat stack hstack vstack dstack column_stack "
        "reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d "
        "atleast_1d atleast_2d atleast_3d max amax min amin topk sort msort kthvalue median mode cummax cummin "
        "max_pool1d max_pool2d max_pool3d max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices "
        "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d broadcast_tensors meshgrid combinations "
        "cartesian_prod maximum minimum fmax fmin");
    add(looking_up(kMove), "index_select");
    add(looking_up(kMoveAndFill), "embedding");
    add(kMoveAndFill,
        "pad constant_pad_nd im2col block_diag where masked_fill masked_scatter tril triu slice_scatter select_scatter "
        "diagonal_scatter scatter index_put index_copy index_fill put diag diag_embed diagflat");
    // a bound that is a tensor is one of the values to choose from
    add_both(kMove, kPass, "clamp clamp_max");
    add_both(kMove, kPassKeeping, "clamp_min");
    add_both(kSum, kShift, "add sub rsub");
    add_both(kProduct, homogeneous(kPassOther), "mul");
    add_both(kPassOther, homogeneous(kPassOther), "div");
    add(with_held("weight", kSum), "lerp");
    add(with_factors("tensor1 tensor2", kSum), "addcmul");
    add(with_held("tensor2", kSum), "addcdiv");
    add(homogeneous(kPass), "neg");
    add(homogeneous(kPassNonnegative), "abs");
    add(homogeneous(kPassKeeping), "leaky_relu prelu");
    add(homogeneous(cutting(OpRecord::kRelu, kPassNonnegative)), "relu");
    add(cutting(OpRecord::kBelowZero, kPassNonnegative), "relu6");
    add(kPassNonnegative, "exp exp2 square sqrt cosh");
    add(squashing("", true, kPassNonnegative), "hardsigmoid");
    add(squashing("sigmoid", true, kPassNonnegative), "sigmoid");
    add(squashing("sigmoid", false, kPass), "log_sigmoid");
    add(squashing("logarithm", false, kPass), "log");
    add(kPassKeeping,
        "silu hardswish gelu tanh erf selu celu mish atan log1p expm1 softshrink hardshrink ceil floor round trunc");
    add(kLinear, "cumsum diff trace avg_pool2d avg_pool3d index_add upsample_bicubic2d");
    add(with_held("x", kLinear), "trapezoid");
    add(with_held("grid", kLinear), "grid_sampler grid_sampler_2d grid_sampler_3d");
    add(with_factors("input weight", kLinearWithBias),
        "linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution");
    add(with_factors("input1 input2 weight", kLinearWithBias), "bilinear");
    add(with_factors("mat1 mat2", kLinearWithBias), "addmm");
    add(with_factors("mat vec", kLinearWithBias), "addmv");
    add(with_factors("vec1 vec2", kLinearWithBias), "addr");
    add(with_factors("batch1 batch2", kLinearWithBias), "addbmm baddbmm");
    add(kAverage,
        "sum mean nansum nanmean avg_pool1d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d "
        "_adaptive_avg_pool2d _adaptive_avg_pool3d upsample_nearest1d upsample_nearest2d upsample_nearest3d "
        "upsample_linear1d upsample_bilinear2d upsample_trilinear3d col2im scatter_add sum_to_size");
    add(kDivisor, "rsqrt reciprocal");
    add(kDivisorNonnegative,
        "linalg_vector_norm norm var std var_mean std_mean frobenius_norm linalg_norm linalg_matrix_norm");
    add(kMatrixProduct,
        "matmul mm bmm mv dot outer inner kron einsum tensordot linalg_vecdot chain_matmul linalg_multi_dot");
    add(squashing("softmax", true, kSoftmax), "softmax _softmax");
    add(squashing("softmax", false, kNone), "log_softmax _log_softmax");
    add(kConstant, "zeros_like ones_like full_like new_zeros new_ones new_full");
    add(in_order(kConstant), "detach");
    // called by name they offer no linear map: relevance passes unchanged, as AttnLRP proposes for norms
    add(kPassOther,
        "layer_norm native_layer_norm group_norm native_group_norm rms_norm instance_norm batch_norm "
        "native_batch_norm _native_batch_norm_legit_no_training");
    return t;
  }();
  return table;
}

/// PyTorch gives many functions a second name, without the tags of the first.
const std::map<std::string, std::string>& aliases() {
  static const std::map<std::string, std::string> table = [] {
    std::map<std::string, std::string> t;
    for (const auto& pair :
         words("absolute=abs arccos=acos arccosh=acosh arcsin=asin arcsinh=asinh arctan=atan arctan2=atan2 "
               "arctanh=atanh clip=clamp concat=cat concatenate=cat divide=div fix=trunc ger=outer greater=gt "
               "greater_equal=ge less=lt less_equal=le linalg_matmul=matmul log_sigmoid_forward=log_sigmoid "
               "multiply=mul negative=neg not_equal=ne row_stack=vstack special_digamma=digamma special_erf=erf "
               "special_erfc=erfc special_erfinv=erfinv special_exp2=exp2 special_expit=sigmoid special_expm1=expm1 "
               "special_gammaln=lgamma special_i0=i0 "
               "special_log1p=log1p special_log_softmax=log_softmax special_logit=logit "
               "special_multigammaln=mvlgamma special_polygamma=polygamma special_psi=digamma special_round=round "
               "special_sinc=sinc special_softmax=softmax special_xlogy=xlogy subtract=sub trapz=trapezoid "
               "true_divide=div unsafe_chunk=chunk unsafe_split=split unsafe_split_with_sizes=split_with_sizes "
               "vdot=dot")) {
      const size_t equals = pair.find('=');
      t[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    return t;
  }();
  return table;
}

const std::set<std::string> kPointwiseWithoutTag{"hardswish", "leaky_relu",   "prelu",        "log_sigmoid",
                                                 "rsub",      "special_ndtr", "floor_divide", "isclose"};

}  // namespace aten_tables

const AtenException* aten_exception(const std::string& name) {
  const auto found = aten_tables::exceptions().find(name);
  return found == aten_tables::exceptions().end() ? nullptr : &found->second;
}

std::string canonical_name(const std::string& name) {
  const auto found = aten_tables::aliases().find(name);
  return found == aten_tables::aliases().end() ? name : found->second;
}

bool is_pointwise_without_tag(const std::string& name) { return aten_tables::kPointwiseWithoutTag.count(name) > 0; }

std::map<std::string, std::vector<std::string>> names_in_aten_tables() {
  std::map<std::string, std::vector<std::string>> names;
  for (const auto& [name, exception] : aten_tables::exceptions()) {
    auto& arguments = names[name];
    for (const auto& list : {exception.several.factors, exception.several.held}) {
      arguments.insert(arguments.end(), list.begin(), list.end());
    }
  }
  for (const auto& [name, other] : aten_tables::aliases()) {
    names[name];
    names[other];
  }
  for (const auto& name : aten_tables::kPointwiseWithoutTag) names[name];
  return names;
}

}  // namespace lrp
