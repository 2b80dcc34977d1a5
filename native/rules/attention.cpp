#include <ATen/ATen.h>
#include <ATen/ExpandUtils.h>

#include <algorithm>
#include <limits>

#include "../error.h"
#include "../ops/arithmetic.h"
#include "../ops/attention.h"
#include "by_autograd.h"
#include "catalogue.h"

namespace lrp {

namespace {

/// x (R - s sum(R)) for s = softmax(x): the first-order Taylor expansion at x, the bias's share lost.
Tensor through_softmax(const Tensor& x, const Tensor& s, const Tensor& R, int64_t axis) {
  const Tensor propagated = x * (R - s * R.sum(axis, true));
  return propagated.masked_fill_(x.eq(-std::numeric_limits<double>::infinity()), 0);
}

/// Relevance of the factors of O = A B: A (q B^T) and B (A^T q), q = R / S(n O), n the number of factors that share it.
struct Shares {
  Tensor a, b;
};
Shares through_product(const Tensor& a, const Tensor& b, const Tensor& output, const Tensor& R, const Stabiliser& S,
                       bool explains_a, bool explains_b) {
  if (a.dim() < 2 || b.dim() < 2)
    throw Error("UNSUPPORTED", "this rule of attention applies only to products of matrices");
  const Tensor q = ratio(R, output * (explains_a && explains_b ? 2 : 1), S);
  Shares propagated;
  if (explains_a) propagated.a = at::sum_to(a * at::matmul(q, b.transpose(-1, -2)), a.sizes());
  if (explains_b) propagated.b = at::sum_to(b * at::matmul(a.transpose(-1, -2), q), b.sizes());
  return propagated;
}

/// Queries of a block, so that the scores of one take about this many numbers: memory grows with the tokens, not with
/// their square.
constexpr int64_t kScoresAtOnce = 1 << 18;
/// A GPU needs large blocks to be busy: 128 MB of scores in float32.
constexpr int64_t kScoresAtOnceOnGpu = 1 << 25;
int64_t block_of_queries(const Tensor& query, const Tensor& key) {
  const int64_t row = query.numel() / std::max<int64_t>(1, query.size(-2) * query.size(-1)) * key.size(-2);
  const int64_t at_once = query.is_cuda() ? kScoresAtOnceOnGpu : kScoresAtOnce;
  return std::max<int64_t>(1, at_once / std::max<int64_t>(1, row));
}

/// Adds up over blocks what relevance reaches tensors of these sizes, which leading axes may have been broadcast from.
void accumulate(Tensor& sum, const Tensor& part, at::IntArrayRef sizes, at::ScalarType type) {
  const Tensor own = at::sum_to(part, sizes).to(type);
  if (sum.defined()) {
    sum.add_(own);
  } else {
    sum = own;
  }
}

/// Relevance of queries, keys and values, block by block of queries. `holds_weights`: attention weights count as
/// constants, so that values take all.
std::vector<Tensor> through_attention(const Attention& op, const Layer& layer, const Tensor& R, const Stabiliser& S,
                                      bool holds_weights) {
  const Tensor &query = layer.inputs[0], &key = layer.inputs[1], &value = layer.inputs[2];
  const bool to_query = layer.explained[0] && !holds_weights, to_key = layer.explained[1] && !holds_weights;
  const bool weighs = to_query || to_key, to_value = layer.explained[2];
  const Tensor keys = key.transpose(-1, -2), values = value.transpose(-1, -2);
  const double scale = op.scale(query), twice = weighs && to_value ? 2 : 1, shared = to_query && to_key ? 2 : 1;
  std::vector<Tensor> of_queries;
  Tensor of_keys, of_values;
  const int64_t queries = query.size(-2), step = block_of_queries(query, key);
  for (int64_t from = 0; from < queries; from += step) {
    const auto block = [&](const Tensor& t) { return t.narrow(-2, from, std::min(step, queries - from)); };
    const Tensor own = block(query), outer = ratio(block(R).contiguous(), block(layer.output) * twice, S);
    Tensor scores = at::matmul(own * scale, keys).to(R.scalar_type());
    const Tensor weights = at::softmax(scores, -1);
    if (to_value) accumulate(of_values, at::matmul(weights.transpose(-1, -2), outer), value.sizes(), R.scalar_type());
    if (!weighs) continue;
    const Tensor reached = at::matmul(outer, values).to(R.scalar_type()).mul_(weights);
    Tensor arriving = at::sum_to(reached, weights.sizes());
    // through the softmax as in through_softmax; a constant factor passes relevance on
    arriving.addcmul_(weights, arriving.sum(-1, true), -1).mul_(scores);
    const Tensor inner = ratio_in_place(arriving, scores.mul_(shared / scale), S);
    if (to_query) of_queries.push_back(own * at::matmul(inner, key));
    if (to_key) accumulate(of_keys, at::matmul(inner.transpose(-1, -2), own), key.sizes(), R.scalar_type());
  }
  std::vector<Tensor> propagated(3);
  if (to_query) propagated[0] = at::sum_to(at::cat(of_queries, -2), query.sizes());
  if (to_key) propagated[1] = of_keys.mul_(key);
  if (to_value) propagated[2] = of_values.mul_(value);
  return propagated;
}

/// A product that is called by name, such as an einsum: linear in each of its explained factors.
std::vector<Tensor> through_call(const Layer& layer, const Tensor& R, const Stabiliser& S) {
  const auto factors = std::count(layer.explained.begin(), layer.explained.end(), true);
  const OpRecord& record = op_record(layer.op_name);
  if (record.kind != "attention" || record.sign != OpRecord::kKeeps || factors > 2) {
    throw Error("UNSUPPORTED", "this rule applies only to softmax, matmul and scaled_dot_product_attention");
  }
  return share_by_autograd(layer, R, S, 1.0 / static_cast<double>(factors));
}

[[noreturn]] void refuse() {
  throw Error("UNSUPPORTED", "this rule applies only to softmax, matmul and scaled_dot_product_attention");
}

}  // namespace

/// AttnLRP: softmax by its Taylor expansion, the factors of a product alike. Achtibat et al. 2024, equations 13 and 14;
/// the values are LXT's.
Rule attention(const RuleArguments& a) {
  const Stabiliser S = Stabiliser::from(a.settings);
  return {[S](const Layer& layer, const Tensor& R) -> std::vector<Tensor> {
            if (const auto* op = dynamic_cast<const Attention*>(&layer.op))
              return through_attention(*op, layer, R, S, false);
            if (const auto* op = dynamic_cast<const Softmax*>(&layer.op)) {
              return {through_softmax(layer.inputs[0], layer.output, R, op->axis())};
            }
            if (!dynamic_cast<const MatrixProduct*>(&layer.op)) return through_call(layer, R, S);
            const Shares propagated = through_product(layer.inputs[0], layer.inputs[1], layer.output, R, S,
                                                      layer.explained[0], layer.explained[1]);
            return {propagated.a, propagated.b};
          },
          true};
}

/// Attention weights count as constants, so that values take all relevance, queries and keys none: "conservative
/// propagation". Ali et al. 2022. Of a matmul the second factor is taken for the values.
Rule attention_cp(const RuleArguments& a) {
  const Stabiliser S = Stabiliser::from(a.settings);
  return {[S](const Layer& layer, const Tensor& R) -> std::vector<Tensor> {
            if (const auto* op = dynamic_cast<const Attention*>(&layer.op)) {
              return through_attention(*op, layer, R, S, true);
            }
            if (dynamic_cast<const Softmax*>(&layer.op)) return {at::zeros_like(R)};
            if (!dynamic_cast<const MatrixProduct*>(&layer.op)) refuse();
            const Shares propagated = through_product(layer.inputs[0], layer.inputs[1], layer.output, R, S,
                                                      !layer.explained[1], layer.explained[1]);
            return {propagated.a, propagated.b};
          },
          true};
}

}  // namespace lrp
