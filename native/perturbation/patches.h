#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "../ops/op.h"

namespace lrp {

/// Boxes of one size in planes, one for each step.
struct Boxes {
  int64_t height = 0, width = 0;
  std::vector<int64_t> top, left;

  int64_t steps() const { return static_cast<int64_t>(top.size()); }
  int64_t area() const { return height * width; }
  bool operator==(const Boxes& o) const {
    return height == o.height && width == o.width && top == o.top && left == o.left;
  }
};

/// From one step's box, which may be empty, to boxes of one size that lie inside the plane.
class BoxBuilder {
 public:
  void add(int64_t top, int64_t left, int64_t bottom, int64_t right);
  Boxes fitted(int64_t height, int64_t width) const;

 private:
  struct Box {
    int64_t top, left, bottom, right;
  };
  std::vector<Box> boxes_;
};

/// The smallest boxes of one size that hold both. Boxes of as many steps.
Boxes around(const Boxes& a, const Boxes& b, int64_t height, int64_t width);
/// The outputs that see a box of the input.
Boxes seeing(const Boxes& input, const WindowShape& shape, int64_t height, int64_t width);
/// The inputs that a box of the output sees, padding included.
Boxes seen_by(const Boxes& output, const WindowShape& shape);

/// A node's output after each step: as it was before, and what each step made of a box. float32, on the CPU.
struct Patches {
  Tensor before;   // [height, width, channels]
  Tensor patches;  // [steps, height, width, channels] of the boxes
  Boxes boxes;

  int64_t height() const { return before.size(0); }
  int64_t width() const { return before.size(1); }
  int64_t channels() const { return before.size(2); }
  /// [steps, channels, height, width]: what boxes hold after each step, from step `first` on; `filler` outside the
  /// plane.
  Tensor inside(const Boxes& wanted, double filler, int64_t first = 0) const;
  /// Whole planes after steps `from` to `to`.
  Tensor whole(int64_t from, int64_t to) const;
};

}  // namespace lrp
