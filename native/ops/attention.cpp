#include "attention.h"

#include <ATen/ATen.h>

#include <cmath>

#include "../error.h"
#include "families.h"

namespace lrp {

Tensor Softmax::forward(const std::vector<Tensor>& inputs, const Pass&) const {
  return at::softmax(inputs.at(0), axis_);
}

Tensor Attention::forward(const std::vector<Tensor>& in, const Pass&) const {
  return at::scaled_dot_product_attention(in.at(0), in.at(1), in.at(2), std::nullopt, 0.0, false, scale_);
}

std::optional<std::vector<int64_t>> Attention::output_shape(const std::vector<Tensor>& in) const {
  const auto fits = [](const Tensor& t) { return t.dim() >= 2; };
  if (!fits(in.at(0)) || !fits(in.at(1)) || !fits(in.at(2)) || in[0].size(-1) != in[1].size(-1) ||
      in[1].size(-2) != in[2].size(-2)) {
    throw Error("INVALID_ARGUMENT", "the shapes of queries, keys and values do not match: " + c10::str(in[0].sizes()) +
                                        ", " + c10::str(in[1].sizes()) + ", " + c10::str(in[2].sizes()));
  }
  auto shape = in[0].sizes().vec();
  shape.back() = in[2].size(-1);
  return shape;
}

/// Every query with every key, and every share with its value.
double Attention::multiply_adds(const std::vector<Tensor>& in, const Tensor& output) const {
  return static_cast<double>(in.at(0).numel() + output.numel()) * static_cast<double>(in.at(1).size(-2));
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
