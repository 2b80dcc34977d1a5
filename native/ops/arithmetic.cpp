#include <ATen/ATen.h>

#include <functional>

#include "../error.h"
#include "arithmetic.h"
#include "families.h"

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
  Tensor forward(const Inputs& inputs, const Pass&) const override { return at::cat(inputs, axis_); }
  bool keeps_first_axis() const override { return axis_ > 0; }

 private:
  int64_t axis_;
};

Tensor repeat_to_batch(const Inputs& in) {
  auto shape = in.at(0).sizes().vec();
  shape.at(0) = in.at(1).size(0);
  return in[0].expand(shape);
}

}  // namespace

Tensor Sum::forward(const Inputs& in, const Pass&) const {
  if (subtracts_) return at::sub(in.at(0), in.at(1));
  Tensor sum = at::add(in.at(0), in.at(1));
  for (size_t i = 2; i < in.size(); ++i) sum = at::add(sum, in[i]);
  return sum;
}

Tensor Shift::forward(const Inputs& in, const Pass&) const { return at::add(in.at(0), value_); }

Tensor MatrixProduct::forward(const Inputs& in, const Pass&) const { return at::matmul(in.at(0), in.at(1)); }

std::shared_ptr<Op> make_arithmetic(const OpArguments& a) {
  if (a.name == "add" || a.name == "sub") return std::make_shared<Sum>(a.name == "sub");
  if (a.name == "expand_batch") return std::make_shared<Arithmetic>(repeat_to_batch);
  if (a.name == "mul")
    return std::make_shared<Arithmetic>([](const Inputs& in) { return at::mul(in.at(0), in.at(1)); });
  if (a.name == "div")
    return std::make_shared<Arithmetic>([](const Inputs& in) { return at::div(in.at(0), in.at(1)); });
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
