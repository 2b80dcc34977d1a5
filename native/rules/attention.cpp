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
  const Tensor handed = x * (R - s * R.sum(axis, true));
  return handed.masked_fill_(x.eq(-std::numeric_limits<double>::infinity()), 0);
}

/// Relevance of the factors of O = A B: A (q B^T) and B (A^T q), q = R / S(n O), n the number of factors that share it.
struct Shares {
  Tensor a, b;
};
Shares through_product(const Tensor& a, const Tensor& b, const Tensor& output, const Tensor& R, const Stabiliser& S,
                       bool explains_a, bool explains_b) {
  if (a.dim() < 2 || b.dim() < 2) throw Error("UNSUPPORTED", "the rule of attention is for products of matrices");
  const Tensor q = ratio(R, output * (explains_a && explains_b ? 2 : 1), S);
  Shares handed;
  if (explains_a) handed.a = at::sum_to(a * at::matmul(q, b.transpose(-1, -2)), a.sizes());
  if (explains_b) handed.b = at::sum_to(b * at::matmul(a.transpose(-1, -2), q), b.sizes());
  return handed;
}

/// What the scores and weights of an attention were.
struct Weighing {
  Tensor scores, weights;
};
Weighing weigh(const Attention& op, const std::vector<Tensor>& inputs) {
  const Tensor scores = at::matmul(inputs[0], inputs[1].transpose(-1, -2)) * op.scale(inputs[0]);
  return {scores, at::softmax(scores, -1)};
}

std::vector<Tensor> through_attention(const Attention& op, const Layer& layer, const Tensor& R, const Stabiliser& S) {
  const auto& in = layer.inputs;
  const Weighing w = weigh(op, in);
  const bool weighs = layer.explained[0] || layer.explained[1];
  const Shares outer = through_product(w.weights, in[2], layer.output, R, S, weighs, layer.explained[2]);
  std::vector<Tensor> handed{Tensor(), Tensor(), outer.b};
  if (!weighs) return handed;
  const Tensor scores = through_softmax(w.scores, w.weights, outer.a, -1);
  const Tensor unscaled = w.scores / op.scale(in[0]);  // a constant factor passes relevance on
  const Shares inner =
      through_product(in[0], in[1].transpose(-1, -2), unscaled, scores, S, layer.explained[0], layer.explained[1]);
  handed[0] = inner.a;
  if (inner.b.defined()) handed[1] = inner.b.transpose(-1, -2);
  return handed;
}

/// A product that is called by name, such as an einsum: linear in each of its explained factors.
std::vector<Tensor> through_call(const Layer& layer, const Tensor& R, const Stabiliser& S) {
  const auto factors = std::count(layer.explained.begin(), layer.explained.end(), true);
  const OpRecord& record = op_record(layer.op_name);
  if (record.kind != "attention" || record.sign != OpRecord::kKeeps || factors > 2) {
    throw Error("UNSUPPORTED", "this rule is for softmax, matmul and scaled_dot_product_attention");
  }
  return share_by_autograd(layer, R, S, 1.0 / static_cast<double>(factors));
}

[[noreturn]] void refuse() {
  throw Error("UNSUPPORTED", "this rule is for softmax, matmul and scaled_dot_product_attention");
}

}  // namespace

/// AttnLRP: softmax by its Taylor expansion, the factors of a product alike. Achtibat et al. 2024, equations 13 and 14;
/// the values are LXT's.
Rule attention(const RuleArguments& a) {
  const Stabiliser S = Stabiliser::from(a.settings);
  return {[S](const Layer& layer, const Tensor& R) -> std::vector<Tensor> {
            if (const auto* op = dynamic_cast<const Attention*>(&layer.op)) return through_attention(*op, layer, R, S);
            if (const auto* op = dynamic_cast<const Softmax*>(&layer.op)) {
              return {through_softmax(layer.inputs[0], layer.output, R, op->axis())};
            }
            if (!dynamic_cast<const MatrixProduct*>(&layer.op)) return through_call(layer, R, S);
            const Shares handed = through_product(layer.inputs[0], layer.inputs[1], layer.output, R, S,
                                                  layer.explained[0], layer.explained[1]);
            return {handed.a, handed.b};
          },
          true};
}

/// Attention weights count as constants, so that values take all relevance, queries and keys none: "conservative
/// propagation". Ali et al. 2022. Of a matmul the second factor is taken for the values.
Rule attention_cp(const RuleArguments& a) {
  const Stabiliser S = Stabiliser::from(a.settings);
  return {
      [S](const Layer& layer, const Tensor& R) -> std::vector<Tensor> {
        if (const auto* op = dynamic_cast<const Attention*>(&layer.op)) {
          const Tensor weights = weigh(*op, layer.inputs).weights;
          const bool explains = layer.explained[2];
          return {Tensor(), Tensor(), through_product(weights, layer.inputs[2], layer.output, R, S, false, explains).b};
        }
        if (dynamic_cast<const Softmax*>(&layer.op)) return {at::zeros_like(R)};
        if (!dynamic_cast<const MatrixProduct*>(&layer.op)) refuse();
        const Shares handed = through_product(layer.inputs[0], layer.inputs[1], layer.output, R, S, !layer.explained[1],
                                              layer.explained[1]);
        return {handed.a, handed.b};
      },
      true};
}

}  // namespace lrp
