#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>

#include "freed_memory.h"
#include "graph/graph.h"
#include "precision.h"

namespace lrp {

/// A network on a device, safe to use from several threads: explanations share it, training has it alone.
class Model {
 public:
  /// Moves the tensors to `device` (floating ones become float32, or float64 for fp64), checks that they are finite,
  /// builds the graph. Throws NUMERIC for non-finite weights, DEVICE for a device that is not there, UNSUPPORTED for a
  /// precision that it does not have, and what Graph throws.
  Model(const GraphSpec& spec, std::map<std::string, Tensor> tensors, const std::string& device,
        const std::string& precision);

  /// Another network over the weights of `other`, on its device: training changes both.
  Model(const Model& other, const GraphSpec& spec);

  const Graph& graph() const { return *graph_; }
  /// The graph to explain: batch norms folded, parallel branches merged, weights laid out for speed. Made on first use
  /// and whenever the weights have changed.
  std::shared_ptr<const Graph> explained() const;
  /// To be called after training: what was derived from the old weights is dropped.
  void weights_changed();

  c10::Device device() const { return device_; }
  /// The type of weights and inputs.
  c10::ScalarType dtype() const { return dtype_; }
  /// Whether it computes everything in float32, without autocast.
  bool computes_float32() const;
  /// Whether no image of a batch depends on another.
  bool images_are_alone() const { return takes_images_alone_; }
  /// Into how many passes to split the images of one pass (side_by_side.h): 1 where images depend on each other.
  int64_t passes_for(int64_t images) const;
  /// To be held by a thread while it computes with the network.
  Precision precision() const { return {precision_, device_}; }
  /// The input on the model's device, in its type. Throws NUMERIC when it is not finite.
  Tensor prepare(const Tensor& input) const;
  /// The same of further inputs by name.
  std::map<std::string, Tensor> prepare(std::map<std::string, Tensor> inputs) const;

  /// Held shared while the weights are read, exclusively while they are trained.
  std::shared_mutex& weights_mutex() const { return shared_->mutex; }

 private:
  KeepFreedMemory keep_;
  c10::Device device_;
  std::string precision_;
  c10::ScalarType dtype_;
  std::unique_ptr<Graph> graph_;
  bool takes_images_alone_;
  mutable std::shared_ptr<const Graph> explained_;
  mutable int64_t explained_changes_ = 0;  // when it was made
  mutable std::mutex explained_mutex_;
  /// Of the weights, for all networks over them.
  struct Shared {
    std::shared_mutex mutex;
    std::atomic<int64_t> changes{0};
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace lrp
