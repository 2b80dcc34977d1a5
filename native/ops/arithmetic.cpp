#include <ATen/ATen.h>
#include <ATen/ExpandUtils.h>

#include <functional>

#include "../error.h"
#include "arithmetic.h"
#include "families.h"
#include "size_limit.h"

namespace lrp {

namespace {

using Inputs = std::vector<Tensor>;

class Arithmetic : public Op {
 public:
  explicit Arithmetic(std::function<Tensor(const Inputs&)> function) : function_(std::move(function)) {}
  Tensor forward(const Inputs& inputs, const Pass&) const override { return function_(inputs); }

 private:
  std::function<Tensor(const Inputs&)> function_;
};

class Concatenation : public Op {
 public:
  explicit Concatenation(int64_t axis) : axis_(axis) {}
  Tensor forward(const Inputs& inputs, const Pass&) const override {
    int64_t numbers = 0;
    for (const Tensor& input : inputs) numbers += input.numel();
    if (!inputs.empty() && inputs[0].dim() > 0)
      check_size({inputs[0].size(0), numbers / std::max<int64_t>(inputs[0].size(0), 1)});
    return at::cat(inputs, axis_);
  }
  bool keeps_first_axis() const override { return axis_ > 0; }

 private:
  int64_t axis_;
};

/// The inputs of a node that works element by element, where what they make is not too large.
const Inputs& checked(const Inputs& in) {
  for (size_t i = 1; i < in.size(); ++i) check_size(at::infer_size(in[0].sizes(), in[i].sizes()));
  return in;
}

void check_product(const Tensor& a, const Tensor& b) {
  if (a.dim() < 2 || b.dim() < 2) return;
  auto shape = at::infer_size(a.sizes().slice(0, static_cast<size_t>(a.dim()) - 2),
                              b.sizes().slice(0, static_cast<size_t>(b.dim()) - 2));
  shape.insert(shape.end(), {a.size(-2), b.size(-1)});
  check_size(shape);
}

Tensor repeat_to_batch(const Inputs& in) {
  auto shape = in.at(0).sizes().vec();
  shape.at(0) = in.at(1).size(0);
  return in[0].expand(shape);
}

}  // namespace

Tensor Sum::forward(const Inputs& in, const Pass&) const {
  checked(in);
  if (subtracts_) return at::sub(in.at(0), in.at(1));
  Tensor sum = at::add(in.at(0), in.at(1));
  for (size_t i = 2; i < in.size(); ++i) sum = at::add(sum, in[i]);
  return sum;
}

Tensor Shift::forward(const Inputs& in, const Pass&) const { return at::add(in.at(0), value_); }

Tensor MatrixProduct::forward(const Inputs& in, const Pass&) const {
  check_product(in.at(0), in.at(1));
  return at::matmul(in[0], in[1]);
}

std::shared_ptr<Op> make_arithmetic(const OpArguments& a) {
  if (a.name == "add" || a.name == "sub") return std::make_shared<Sum>(a.name == "sub");
  if (a.name == "expand_batch") return std::make_shared<Arithmetic>(repeat_to_batch);
  if (a.name == "mul")
    return std::make_shared<Arithmetic>([](const Inputs& in) { return at::mul(checked(in).at(0), in.at(1)); });
  if (a.name == "div")
    return std::make_shared<Arithmetic>([](const Inputs& in) { return at::div(checked(in).at(0), in.at(1)); });
  if (a.name == "matmul") return std::make_shared<MatrixProduct>();
  if (a.name == "cat") return std::make_shared<Concatenation>(a.attributes.integer("dim"));
  const double value = a.attributes.number("value");
  if (a.name == "add_scalar") return std::make_shared<Shift>(value);
  return std::make_shared<Arithmetic>([value](const Inputs& in) { return at::mul(in.at(0), value); });
}

std::shared_ptr<Op> make_constant(const OpArguments& a) {
  const Tensor value = a.parameter("value");
  return std::make_shared<Arithmetic>([value](const Inputs&) { return value; });
}

}  // namespace lrp
