#include "step_gradients.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <set>

#include "../side_by_side.h"

namespace lrp {

void StepGradients::add(std::vector<PassGradients> passes) {
  if (!pending_.empty()) all();
  std::vector<LinearGradients::Trace> traces;
  for (PassGradients& pass : passes) traces.push_back(std::move(pass.trace));
  trace_ = LinearGradients::joined(traces);
  pending_ = std::move(passes);
  is_complete_ = false;
}

Tensor StepGradients::piece(const Piece& piece) const {
  const Tensor& before = sums_[piece.tensor];
  Tensor rows = before.defined() ? rows_of(before, piece) : Tensor();
  if (linear_.computes(piece.tensor)) {
    if (!pending_.empty()) linear_.add(trace_, piece, rows);
  } else {
    for (const PassGradients& pass : pending_) {
      const Tensor& more = pass.found[piece.tensor];
      if (more.defined()) rows = rows.defined() ? rows + rows_of(more, piece) : rows_of(more, piece);
    }
  }
  if (!rows.defined()) return at::zeros_like(rows_of(parameters_[piece.tensor], piece));
  return rows.contiguous();
}

const std::vector<Tensor>& StepGradients::all() {
  if (is_complete_) return sums_;
  const at::NoGradGuard no_grad;
  std::vector<Tensor> complete(parameters_.size());
  // The gradients of a single pass are complete: pieces of them would be copies.
  const auto shares = share_out(parameters_, pending_.size() > 1 ? shares_for_threads(parameters_) : 1);
  for (const auto& pieces : shares) {
    for (const Piece& piece : pieces) {
      const Tensor& parameter = parameters_[piece.tensor];
      Tensor& whole = complete[piece.tensor];
      if (!is_whole(parameter, piece) && !whole.defined()) whole = at::empty_like(parameter.detach());
    }
  }
  run_when_free(static_cast<int64_t>(shares.size()), [&](int64_t share) {
    const at::AutoDispatchBelowADInplaceOrView no_autograd;
    for (const Piece& piece : shares[static_cast<size_t>(share)]) {
      if (is_whole(parameters_[piece.tensor], piece))
        complete[piece.tensor] = this->piece(piece);
      else
        rows_of(complete[piece.tensor], piece).copy_(this->piece(piece));
    }
  });
  // Autograd may give several parameters the same tensor. What changes them in place must not change it twice.
  std::set<const void*> seen;
  for (Tensor& gradient : complete)
    if (!seen.insert(gradient.storage().data()).second) gradient = gradient.clone();
  sums_ = std::move(complete);
  pending_.clear();
  is_complete_ = true;
  return sums_;
}

}  // namespace lrp
