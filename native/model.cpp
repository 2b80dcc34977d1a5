#include "model.h"

#include <ATen/ATen.h>

#include "device.h"
#include "error.h"
#include "finite.h"
#include "graph/images_alone.h"
#include "graph/passes.h"
#include "ops/size_limit.h"
#include "side_by_side.h"

namespace lrp {

namespace {

std::map<std::string, Tensor> prepared(std::map<std::string, Tensor> tensors, c10::Device device,
                                       c10::ScalarType dtype) {
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : tensors) {
    if (!tensor.is_floating_point()) {
      tensor = tensor.to(device);
      continue;
    }
    tensor = tensor.to(device, dtype);
    if (!all_finite(tensor)) {
      throw Error("NUMERIC", "the tensor '" + name + "' contains values that are not finite");
    }
  }
  return tensors;
}

}  // namespace

Model::Model(const GraphSpec& spec, std::map<std::string, Tensor> tensors, const std::string& device,
             const std::string& precision)
    : device_(device_called(device)),
      precision_(precision),
      dtype_(dtype_of_precision(precision, device_)),
      graph_(std::make_unique<Graph>(spec, prepared(std::move(tensors), device_, dtype_))),
      takes_images_alone_(takes_images_alone(*graph_)) {}

Model::Model(const Model& other, const GraphSpec& spec)
    : device_(other.device_),
      precision_(other.precision_),
      dtype_(other.dtype_),
      graph_(std::make_unique<Graph>(spec, other.graph_->tensors())),
      takes_images_alone_(takes_images_alone(*graph_)),
      shared_(other.shared_) {}

std::shared_ptr<const Graph> Model::explained() const {
  const std::lock_guard<std::mutex> lock(explained_mutex_);
  if (!explained_ || explained_changes_ != shared_->changes) {
    explained_changes_ = shared_->changes;
    const at::NoGradGuard no_grad;
    const Graph folded = fold_batch_norm(merge_branches(fold_batch_norm(*graph_)));
    explained_ = std::make_shared<const Graph>(device_.is_cpu() ? weights_channels_last(folded) : folded);
  }
  return explained_;
}

void Model::weights_changed() {
  ++shared_->changes;
  const std::lock_guard<std::mutex> lock(explained_mutex_);
  explained_.reset();
}

int64_t Model::passes_for(int64_t images) const {
  return takes_images_alone_ ? passes_side_by_side(images, device_) : 1;
}

bool Model::computes_float32() const {
  return dtype_ == at::kFloat && autocast_of_precision(precision_, device_) == c10::ScalarType::Undefined;
}

Tensor Model::prepare(const Tensor& input) const {
  if (input.dim() == 0 || input.numel() == 0) throw Error("INVALID_ARGUMENT", "the input is empty");
  check_size(input.sizes(), "the input has");
  const Tensor x = input.to(device_, dtype_);
  if (!all_finite(x)) throw Error("NUMERIC", "the input contains values that are not finite");
  return x;
}

std::map<std::string, Tensor> Model::prepare(std::map<std::string, Tensor> inputs) const {
  for (auto& [name, rows] : inputs) {
    try {
      rows = prepare(rows);
    } catch (const Error& error) {
      throw Error(error.code(), "'" + name + "': " + error.what());
    }
  }
  return inputs;
}

}  // namespace lrp
