#include "attention.h"

#include <ATen/ATen.h>

#include <cmath>

#include "families.h"

namespace lrp {

Tensor Softmax::forward(const std::vector<Tensor>& inputs, const Pass&) const {
  return at::softmax(inputs.at(0), axis_);
}

Tensor Attention::forward(const std::vector<Tensor>& in, const Pass&) const {
  return at::scaled_dot_product_attention(in.at(0), in.at(1), in.at(2), std::nullopt, 0.0, false, scale_);
}

double Attention::scale(const Tensor& query) const {
  return scale_.value_or(1 / std::sqrt(static_cast<double>(query.size(-1))));
}

std::shared_ptr<Op> make_softmax(const OpArguments& a) {
  return std::make_shared<Softmax>(a.attributes.integer("dim"));
}

std::shared_ptr<Op> make_attention(const OpArguments& a) {
  return std::make_shared<Attention>(a.attributes.has("scale") ? std::optional<double>(a.attributes.number("scale"))
                                                               : std::nullopt);
}

}  // namespace lrp
