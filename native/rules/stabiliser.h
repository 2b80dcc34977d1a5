#pragma once
#include <ATen/core/Tensor.h>

#include "../ops/attributes.h"

namespace lrp {

/// Keeps a denominator away from zero.
struct Stabiliser {
  enum Mode {
    kSigned,       // z + eps sign(z), with sign(0) = +1 (zennit, captum)
    kSignedBelow,  // z + eps where z > 0, z - eps elsewhere (TorchLRP's epsilon and gamma)
    kAtZero,       // eps where z is exactly 0, z elsewhere (TorchLRP's alpha-beta)
    kPlain         // z + eps (LXT)
  };
  double epsilon;
  Mode mode;

  /// From the settings of a rule: `epsilon` and `stabiliser` (signed, signed-below, at-zero, plain).
  static Stabiliser from(const Attributes& settings);
  Tensor operator()(const Tensor& z) const;

  /// What S adds to a number: for loops, which branches would slow.
  struct Added {
    float below, zero, above;
    float to(float v) const { return v > 0 ? above : v < 0 ? below : zero; }
  };
  Added added() const;
};

/// scale * R / S(z), in one pass over memory where R and z are float32 on the CPU. Where no relevance arrives the
/// result is 0, whatever the denominator: with an epsilon of 0 it would be 0 / 0 at units that a ReLU switched off.
Tensor ratio(const Tensor& R, const Tensor& z, const Stabiliser& S, double scale = 1);

/// The same, written into the memory of z where that is possible: for denominators that nobody needs afterwards.
Tensor ratio_in_place(const Tensor& R, Tensor z, const Stabiliser& S, double scale = 1);

}  // namespace lrp
