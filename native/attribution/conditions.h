#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "../graph/graph.h"

namespace lrp {

/// Channels of a layer that alone keep their relevance (Achtibat et al. 2023, "concept relevance propagation").
struct Concept {
  std::string layer;
  std::vector<int64_t> channels;
};

/// Of every channel of one layer, [images, channels]: its sum over space, its largest value and where that lies.
struct ChannelValues {
  Tensor sum, largest, place;
};

/// What is asked of the channels of layers during one explanation, and what was found.
class Conditions {
 public:
  Conditions(const Conditions&) = delete;
  /// `exclusive`: relevance reaches the input only by paths through every named layer.
  /// Throws NOT_FOUND for unknown layers.
  Conditions(const Graph& graph, const std::vector<Concept>& concepts, bool exclusive,
             const std::vector<std::string>& measured);

  /// Sees what every node makes of its inputs during the forward pass; returns it with what the backward pass has to
  /// do.
  Tensor attach(size_t index, const Tensor& output, const std::vector<Tensor>& inputs, int64_t images);

  /// One backward pass from `output` to `x`. Throws INVALID_ARGUMENT where exclusive layers lie on no common path.
  Tensor backward(const Tensor& output, const Tensor& x, const Tensor& start, bool keep) const;

  /// Relevance starts at the highest named layer, as its own activation in the named channels.
  /// Throws INVALID_ARGUMENT where no layer is named.
  Tensor backward_from_activation(const Tensor& x, bool keep) const;

  /// Relevance of the last backward pass and activation of the forward pass, by the names that were asked for.
  std::map<std::string, ChannelValues> relevance() const { return by_name(relevance_); }
  std::map<std::string, ChannelValues> activation() const { return by_name(activation_); }

 private:
  struct Named {
    std::string layer;
    std::vector<int64_t> channels;
    Tensor output, activation, mask;
  };
  using Layers = std::map<size_t, Named, std::greater<>>;  // highest first

  std::map<std::string, ChannelValues> by_name(const std::map<size_t, ChannelValues>& values) const;
  void name_channels(size_t index, Named& named, const Tensor& output, int64_t images);
  Tensor through(Tensor from, Tensor R, Layers::const_iterator next, const Tensor& x, bool keep) const;

  const Graph& graph_;
  bool exclusive_;
  Layers named_;
  std::map<std::string, size_t> measured_;
  std::map<size_t, ChannelValues> relevance_, activation_;
};

}  // namespace lrp
