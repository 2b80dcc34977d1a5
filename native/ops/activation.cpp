#include <ATen/ATen.h>

#include <functional>
#include <map>

#include "../error.h"
#include "families.h"
#include "random.h"

namespace lrp {

namespace {

using Function = std::function<Tensor(const Tensor&)>;

class Activation : public Op {
 public:
  explicit Activation(Function function) : function_(std::move(function)) {}
  std::optional<std::vector<int64_t>> output_shape(const std::vector<Tensor>& inputs) const override {
    return inputs.at(0).sizes().vec();
  }
  Tensor forward(const std::vector<Tensor>& inputs, const Pass&) const override { return function_(inputs.at(0)); }

 private:
  Function function_;
};

class Dropout : public Op {
 public:
  explicit Dropout(double p) : p_(p) {
    if (!(p >= 0 && p < 1)) throw Error("INVALID_ARGUMENT", "attribute 'p' of dropout must be at least 0 and below 1");
  }
  bool draws() const override { return true; }
  Tensor forward(const std::vector<Tensor>& inputs, const Pass& pass) const override {
    const Tensor& x = inputs.at(0);
    if (!pass.training || p_ == 0) return x;
    const Tensor kept = at::empty_like(x, x.options().requires_grad(false));
    kept.bernoulli_(1 - p_, training_generator(x.device().type()));
    return x * kept.div_(1 - p_);
  }

 private:
  double p_;
};

using Make = std::function<Function(const Attributes&)>;

Make plain(Tensor (*function)(const Tensor&)) {
  return [function](const Attributes&) { return Function(function); };
}

const std::map<std::string, Make>& activations() {
  static const std::map<std::string, Make> table{
      {"relu", plain([](const Tensor& x) { return at::relu(x); })},
      {"relu6", plain([](const Tensor& x) { return at::hardtanh(x, 0, 6); })},
      {"silu", plain([](const Tensor& x) { return at::silu(x); })},
      {"sigmoid", plain([](const Tensor& x) { return at::sigmoid(x); })},
      {"tanh", plain([](const Tensor& x) { return at::tanh(x); })},
      {"hardswish", plain([](const Tensor& x) { return at::hardswish(x); })},
      {"hardsigmoid", plain([](const Tensor& x) { return at::hardsigmoid(x); })},
      {"identity", plain([](const Tensor& x) { return x; })},
      {"hardtanh",
       [](const Attributes& a) {
         const double low = a.number("min_val", -1), high = a.number("max_val", 1);
         return [=](const Tensor& x) { return at::hardtanh(x, low, high); };
       }},
      {"leaky_relu",
       [](const Attributes& a) {
         const double slope = a.number("negative_slope", 0.01);
         return [=](const Tensor& x) { return at::leaky_relu(x, slope); };
       }},
      {"elu",
       [](const Attributes& a) {
         const double alpha = a.number("alpha", 1);
         return [=](const Tensor& x) { return at::elu(x, alpha); };
       }},
      {"softplus",
       [](const Attributes& a) {
         const double beta = a.number("beta", 1);
         if (!(beta > 0)) throw Error("INVALID_ARGUMENT", "beta of softplus must be above 0");
         return [=](const Tensor& x) { return at::softplus(x, beta); };
       }},
      {"gelu",
       [](const Attributes& a) {
         const std::string approximate = a.text("approximate", "none");
         return [=](const Tensor& x) { return at::gelu(x, approximate); };
       }},
      {"log_softmax",
       [](const Attributes& a) {
         const int64_t dim = a.integer("dim");
         return [=](const Tensor& x) { return at::log_softmax(x, dim); };
       }},
  };
  return table;
}

}  // namespace

at::Generator& training_generator(c10::DeviceType device) {
  thread_local std::map<c10::DeviceType, at::Generator> generators;
  auto found = generators.find(device);
  if (found == generators.end()) {
    found = generators.emplace(device, at::globalContext().defaultGenerator(c10::Device(device)).clone()).first;
  }
  return found->second;
}

std::shared_ptr<Op> make_activation(const OpArguments& a) {
  if (a.name == "dropout") {
    if (a.attributes.flag("training", false)) {
      throw Error("INVALID_ARGUMENT",
                  "attribute 'training' must be false: a graph describes inference, where dropout does nothing");
    }
    return std::make_shared<Dropout>(a.attributes.number("p", 0.5));
  }
  return std::make_shared<Activation>(activations().at(a.name)(a.attributes));
}

}  // namespace lrp
