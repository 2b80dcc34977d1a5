#pragma once
#include "op.h"

namespace lrp {

/// Adds its inputs, or subtracts the second from the first.
class Sum : public Op {
 public:
  explicit Sum(bool subtracts) : subtracts_(subtracts) {}
  Tensor forward(const std::vector<Tensor>& inputs, const Pass&) const override;
  /// -1 for what is subtracted.
  int sign(size_t input) const { return subtracts_ && input == 1 ? -1 : 1; }

 private:
  bool subtracts_;
};

/// Adds a number.
class Shift : public Op {
 public:
  explicit Shift(double value) : value_(value) {}
  Tensor forward(const std::vector<Tensor>& inputs, const Pass&) const override;

 private:
  double value_;
};

class MatrixProduct : public Op {
 public:
  double multiply_adds(const std::vector<Tensor>& inputs, const Tensor& output) const override {
    return static_cast<double>(output.numel()) * static_cast<double>(inputs.at(0).size(-1));
  }
  Tensor forward(const std::vector<Tensor>& inputs, const Pass&) const override;
};

}  // namespace lrp
