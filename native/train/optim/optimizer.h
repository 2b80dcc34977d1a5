#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "../share_out.h"

namespace lrp {

using at::Tensor;

struct OptimizerOptions {
  /// sgd, adam, adamw, rmsprop, adagrad
  std::string name;
  double momentum;
  bool nesterov;
};

/// Parameters that share learning rate and weight decay.
struct GroupOptions {
  std::vector<std::string> names;
  double learning_rate, weight_decay;
};

struct ParameterGroup : GroupOptions {
  /// In the order of their names.
  std::vector<Tensor> parameters;
  /// What the optimiser remembers, by its name in torch.optim: one tensor per parameter.
  std::map<std::string, std::vector<Tensor>> slots = {};
  int64_t steps = 0;
  /// The steps that were not left out, as the fused kernels count them.
  Tensor counter = {};
};

/// What one thread updates at once of a group: parameters, or some rows of large ones.
struct GroupShare {
  size_t group;
  std::vector<Piece> pieces;  // of all groups' parameters
  std::vector<Tensor> parameters;
  std::map<std::string, std::vector<Tensor>> slots;
};

/// The gradient of a piece of the parameters, contiguous. Several threads ask at the same time.
using GradientOf = std::function<Tensor(const Piece&)>;

/// Updates parameters in place as torch.optim does, with libtorch's fused kernels where there are any. On the CPU, each
/// thread updates some of the rows by itself, from their gradients to the last operation.
class Optimizer {
 public:
  /// Throws INVALID_ARGUMENT for an unknown name. The parameters are contiguous.
  Optimizer(OptimizerOptions options, std::vector<ParameterGroup> groups);

  /// One step. `gradient_of` is called once for every row of every parameter; `factor` multiplies every group's
  /// learning rate. Nothing changes where `overflow` is given and holds 1; a GPU is not waited for to know it.
  void step(const GradientOf& gradient_of, double factor, const Tensor& overflow = {});

  /// All parameters in order.
  std::vector<Tensor> parameters() const;

  /// What it remembers: `<slot>/<parameter>`, and `steps/<group>`. Not copied.
  std::map<std::string, Tensor> state() const;
  /// Takes over what `state` returned, copied. Throws INVALID_FILE where something is missing or of another shape.
  void load(const std::map<std::string, Tensor>& state);

 private:
  OptimizerOptions options_;
  std::vector<ParameterGroup> groups_;
  std::vector<std::vector<GroupShare>> shares_;  // views of the groups' tensors
};

}  // namespace lrp
