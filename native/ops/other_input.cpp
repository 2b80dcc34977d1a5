#include "other_input.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "../error.h"
#include "families.h"

namespace lrp {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Autograd comes by here on its way from the output to the first input, to which no relevance goes on.
struct Arrival : torch::autograd::Function<Arrival> {
  static Tensor forward(AutogradContext*, const Tensor&, const Tensor& rows) { return rows.clone(); }
  static variable_list backward(AutogradContext*, variable_list) { return {Tensor(), Tensor()}; }
};

/// One row for every image, or a row for each.
class OtherInput : public Op {
 public:
  OtherInput(Tensor value, bool explained) : value_(std::move(value)), explained_(explained) {}
  Tensor forward(const std::vector<Tensor>& inputs, const Pass&) const override {
    const Tensor& x = inputs.at(0);
    auto shape = value_.sizes().vec();
    if (shape.empty() || (shape[0] != 1 && shape[0] != x.size(0))) {
      throw Error("INVALID_ARGUMENT", "the input has the shape " + c10::str(value_.sizes()) + ", but there are " +
                                          std::to_string(x.size(0)) +
                                          " images: give it one row, or one row for each image");
    }
    shape[0] = x.size(0);
    const Tensor rows = value_.expand(shape);
    return explained_ && at::GradMode::is_enabled() && x.requires_grad() ? Arrival::apply(x, rows) : rows;
  }

 private:
  Tensor value_;
  bool explained_;
};

}  // namespace

bool is_explained_input(const std::string& op, const Attributes& attributes) {
  return op == kOtherInput && attributes.flag("explained", false);
}

std::shared_ptr<Op> make_other_input(const OpArguments& a) {
  const Tensor value = a.parameter("value");
  a.attributes.flag("required", false);  // JavaScript reads it
  if (a.attributes.has("shape")) {
    const auto row = a.attributes.integers("shape");
    if (value.dim() == 0 || value.sizes().slice(1) != row) {
      throw Error("INVALID_ARGUMENT", "attribute 'shape' is " + c10::str(at::IntArrayRef(row)) +
                                          ", but the value has the shape " + c10::str(value.sizes()));
    }
  }
  return std::make_shared<OtherInput>(value, is_explained_input(a.name, a.attributes));
}

}  // namespace lrp
