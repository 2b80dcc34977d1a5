#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "../cancel.h"
#include "../model.h"

namespace lrp {

/// Images that change step by step: what a step changes stays so until another one changes it again.
struct Changes {
  /// [images, ...] before their first steps; float32, on the CPU.
  Tensor images;
  /// Of each step, int32: its image, in rising order, and where its entries end among those of all steps.
  Tensor owners, ends;
  /// Per entry: its place in the flattened image, int32, and what it becomes, float32.
  Tensor places, values;
  /// Rows of the network's further inputs, one for each image.
  std::optional<std::map<std::string, Tensor>> inputs = {};

  int64_t steps() const { return owners.numel(); }
  /// Numbers of an image.
  int64_t size() const { return images.numel() / images.size(0); }
  int64_t owner(int64_t step) const { return ints(owners)[step]; }
  int64_t begin(int64_t step) const { return step == 0 ? 0 : end(step - 1); }
  int64_t end(int64_t step) const { return ints(ends)[step]; }
  static const int32_t* ints(const Tensor& tensor) { return tensor.const_data_ptr<int32_t>(); }

  /// Throws INVALID_ARGUMENT for arrays that do not belong together, NUMERIC for values that are not finite.
  void check() const;
};

/// The images after each step, one after the other.
class ChangingImage {
 public:
  explicit ChangingImage(const Changes& changes) : changes_(changes) {}
  /// The image after the next step; valid until the next call.
  const float* next();

 private:
  const Changes& changes_;
  int64_t step_ = 0;
  Tensor image_;
};

/// The steps that change a number, with the entries that do, and the first step of each image.
struct EffectiveSteps {
  Changes changes;
  /// Of each step of the whole: which of these steps leaves the same image; int64.
  Tensor same_as;
};
EffectiveSteps effective_steps(const Changes& changes);

struct ChangesOptions {
  /// Images that go through the network together.
  int64_t batch_size;
  /// The network takes no other number of images.
  bool fixed_batch;
};

/// The network's output after every step, [steps, ...]. Where a step changes little, only what depends on it is
/// computed; where it changes nothing, such as black pixels that become black, nothing is.
Tensor run_changes(const Model& model, const Changes& changes, const ChangesOptions& options,
                   const CancelToken& cancel);

}  // namespace lrp
