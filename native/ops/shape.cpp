#include <ATen/ATen.h>

#include <functional>
#include <limits>

#include "../error.h"
#include "families.h"
#include "size_limit.h"

namespace lrp {

namespace {

using Map = std::function<Tensor(const Tensor&)>;

class Shape : public Op {
 public:
  Shape(Map map, bool keeps_first_axis) : map_(std::move(map)), keeps_first_axis_(keeps_first_axis) {}
  bool keeps_first_axis() const override { return keeps_first_axis_; }
  Tensor forward(const std::vector<Tensor>& inputs, const Pass&) const override { return map_(inputs.at(0)); }

 private:
  Map map_;
  bool keeps_first_axis_;
};

Tensor reshape(const Tensor& x, std::vector<int64_t> shape) {
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) shape[i] = x.size(static_cast<int64_t>(i));
  }
  return x.reshape(shape);
}

Map shape_map(const OpArguments& a) {
  const Attributes& at = a.attributes;
  if (a.name == "flatten") {
    const int64_t start = at.integer("start_dim", 1), end = at.integer("end_dim", -1);
    return [=](const Tensor& x) { return x.flatten(start, end); };
  }
  if (a.name == "reshape") {
    const auto shape = at.integers("shape");
    return [=](const Tensor& x) { return reshape(x, shape); };
  }
  if (a.name == "permute") {
    const auto dims = at.integers("dims");
    return [=](const Tensor& x) { return x.permute(dims); };
  }
  if (a.name == "pad") {
    const auto padding = at.integers("padding");
    const std::string mode = at.text("mode", "constant");
    const double value = at.number("value", 0);
    return [=](const Tensor& x) {
      auto shape = x.sizes().vec();
      for (size_t i = 0; i < padding.size() && i / 2 < shape.size(); ++i) shape[shape.size() - 1 - i / 2] += padding[i];
      check_size(shape);
      return at::pad(x, padding, mode, value);
    };
  }
  const int64_t dim = at.integer("dim");
  if (a.name == "squeeze") return [=](const Tensor& x) { return x.squeeze(dim); };
  if (a.name == "unsqueeze") return [=](const Tensor& x) { return x.unsqueeze(dim); };
  if (a.name == "select") {
    const int64_t index = at.integer("index");
    return [=](const Tensor& x) { return x.select(dim, index); };
  }
  const int64_t start = at.integer("start", 0), step = at.integer("step", 1);
  const int64_t end = at.integer("end", std::numeric_limits<int64_t>::max());
  if (step < 1) throw Error("INVALID_ARGUMENT", "attribute 'step' of slice must be 1 or more");
  return [=](const Tensor& x) { return x.slice(dim, start, end, step); };
}

}  // namespace

std::shared_ptr<Op> make_shape(const OpArguments& a) {
  const Attributes& at = a.attributes;
  bool keeps = true;
  if (a.name == "permute") keeps = at.integers("dims").at(0) == 0;
  if (a.name == "flatten") keeps = at.integer("start_dim", 1) != 0;
  if (a.name == "reshape") keeps = at.integers("shape").at(0) == 0;
  if (at.has("dim")) keeps = at.integer("dim") > 0;
  return std::make_shared<Shape>(shape_map(a), keeps);
}

}  // namespace lrp
