#include <ATen/ATen.h>

#include <functional>

#include "../error.h"
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

Tensor add_all(const Inputs& in) {
  Tensor sum = at::add(in.at(0), in.at(1));
  for (size_t i = 2; i < in.size(); ++i) sum = at::add(sum, in[i]);
  return sum;
}

Tensor repeat_to_batch(const Inputs& in) {
  auto shape = in.at(0).sizes().vec();
  shape.at(0) = in.at(1).size(0);
  return in[0].expand(shape);
}

}  // namespace

std::shared_ptr<Op> make_arithmetic(const OpArguments& a) {
  if (a.name == "add") return std::make_shared<Arithmetic>(add_all);
  if (a.name == "expand_batch") return std::make_shared<Arithmetic>(repeat_to_batch);
  if (a.name == "sub")
    return std::make_shared<Arithmetic>([](const Inputs& in) { return at::sub(in.at(0), in.at(1)); });
  if (a.name == "mul")
    return std::make_shared<Arithmetic>([](const Inputs& in) { return at::mul(in.at(0), in.at(1)); });
  if (a.name == "div")
    return std::make_shared<Arithmetic>([](const Inputs& in) { return at::div(in.at(0), in.at(1)); });
  if (a.name == "matmul") {
    return std::make_shared<Arithmetic>([](const Inputs& in) { return at::matmul(in.at(0), in.at(1)); });
  }
  if (a.name == "cat") {
    const int64_t dim = a.attributes.integer("dim");
    return std::make_shared<Arithmetic>([dim](const Inputs& in) { return at::cat(in, dim); });
  }
  const double value = a.attributes.number("value");
  if (a.name == "add_scalar") {
    return std::make_shared<Arithmetic>([value](const Inputs& in) { return at::add(in.at(0), value); });
  }
  return std::make_shared<Arithmetic>([value](const Inputs& in) { return at::mul(in.at(0), value); });
}

std::shared_ptr<Op> make_constant(const OpArguments& a) {
  const Tensor value = a.parameter("value");
  return std::make_shared<Arithmetic>([value](const Inputs&) { return value; });
}

}  // namespace lrp
