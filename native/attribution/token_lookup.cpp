#include "token_lookup.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "../error.h"

namespace lrp {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct TokenLookup : torch::autograd::Function<TokenLookup> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& rows, bool times_rows) {
    context->saved_data["sizes"] = x.sizes();
    if (times_rows) context->save_for_backward({rows});
    return rows.clone();
  }
  static variable_list backward(AutogradContext* context, variable_list R) {
    const auto rows = context->get_saved_variables();
    const Tensor sums = (rows.empty() ? R[0] : R[0] * rows[0]).sum(-1);
    return {sums.reshape(context->saved_data["sizes"].toIntVector()), Tensor(), Tensor()};
  }
};

}  // namespace

std::vector<bool> lookups_of(const Graph& graph, const std::vector<std::string>& names) {
  std::vector<bool> lookups(graph.nodes().size());
  for (const auto& name : names) lookups[static_cast<size_t>(graph.source(graph.index(name)))] = true;
  return lookups;
}

Tensor look_up(const Tensor& x, const Tensor& rows, bool times_rows) {
  if (rows.numel() != x.numel() * rows.size(-1) || rows.size(0) % x.size(0) != 0) {
    throw Error("UNSUPPORTED", "the token table returned rows of shape " + c10::str(rows.sizes()) +
                                   " for tokens of shape " + c10::str(x.sizes()) +
                                   ": it must return one row for each token");
  }
  return TokenLookup::apply(x, rows, times_rows);
}

}  // namespace lrp
