#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lrp {

using at::Tensor;

/// The relevance that a chosen output starts with: its value (the logit), 1, its probability by softmax (of a single
/// logit by sigmoid) or by its own sigmoid, or the gradient of the class's log-probability with respect to the logits.
/// `activation` starts at a layer named by concepts instead.
enum class Start { logit, one, probability, sigmoid, softmax_gradient, activation };

/// Where a dense output [batch, classes, ...space] is explained. Exactly one member is set.
struct Region {
  /// `predicted`: where the network says the class; `all`: everywhere.
  std::optional<std::string> name;
  /// One position, in pixels of the input.
  std::optional<std::vector<int64_t>> point;
  /// [1 or batch, height, width]: 1 inside; resized to the output by nearest neighbour.
  std::optional<Tensor> mask;
};

/// What is explained, as JavaScript asks for it: TargetSettings of src/native/attribute-types.ts.
struct TargetSettings {
  std::optional<Tensor> classes;    // [explanations, batch]; none: the predicted ones
  std::optional<Tensor> against;    // [explanations, batch], subtracted from the classes; -1: the runner-up
  bool independent = false;         // every class has a sigmoid of its own
  bool binary = false;              // an output of one logit tells the classes 0 and 1 apart
  std::optional<int64_t> named;     // number of classes that have names
  std::optional<Region> region;     // of dense outputs
  std::optional<Tensor> boxes;      // [explanations, batch] of a detection head; -1: the best
  std::optional<Tensor> reference;  // [explanations, features]: cosine similarity to it
  std::optional<Tensor> seed;       // the starting relevance itself, [1 or batch, ...output]
};

/// One or several numbers per image that are explained, fixed for a batch: classes, regions and boxes are chosen by the
/// output of the images as they are, and stay when the images change.
class Target {
 public:
  Target() = default;
  Target(const Target&) = delete;
  virtual ~Target() = default;
  virtual int64_t explanations() const = 0;
  /// The relevance that explanation t starts from, shaped like the output. `Start::one` is the gradient of the score.
  virtual Tensor seed(const Tensor& output, int64_t t, Start start) const = 0;
  /// The explained number, double [batch].
  virtual Tensor score(const Tensor& output, int64_t t) const = 0;
  /// The explained numbers, double [explanations, batch].
  virtual Tensor scores(const Tensor& output) const;
  /// The target of one image, for any number of its copies.
  virtual std::shared_ptr<const Target> of_image(int64_t image) const = 0;

  Tensor classes;  // [explanations, batch]; -1 if no class is explained
  Tensor against;  // [explanations, batch]: the classes that are subtracted, if any
  Tensor boxes;    // [explanations, batch], of detection heads
  Tensor regions;  // [explanations, batch, ...space], bool, of dense outputs
};

using Targets = std::shared_ptr<const Target>;

/// The target that the settings mean for this output. `input_sizes`: of the network's input.
/// Throws INVALID_ARGUMENT for classes, boxes, regions or shapes that do not exist, UNSUPPORTED for outputs that need
/// a region or a box.
Targets choose_target(const TargetSettings& settings, const Tensor& output, at::IntArrayRef input_sizes);

// One function per kind of target, each in a file of its own.
Targets class_target(const TargetSettings& settings, const Tensor& output);
Targets region_target(const TargetSettings& settings, const Tensor& output, at::IntArrayRef input_sizes);
Targets box_target(const TargetSettings& settings, const Tensor& output);
Targets similarity_target(const Tensor& reference, const Tensor& output);
Targets given_target(const Tensor& seed, const Tensor& output);

}  // namespace lrp
