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
};

/// Calls `use` with S for one number, as a function that a loop can hold: float -> float.
template <class Use>
void with_stabiliser(const Stabiliser& S, Use use) {
  const auto eps = static_cast<float>(S.epsilon);
  switch (S.mode) {
    case Stabiliser::kSigned:
      return use([eps](float v) { return v + (v < 0 ? -eps : eps); });
    case Stabiliser::kSignedBelow:
      return use([eps](float v) { return v + (v > 0 ? eps : -eps); });
    case Stabiliser::kAtZero:
      return use([eps](float v) { return v == 0 ? eps : v; });
    case Stabiliser::kPlain:
      return use([eps](float v) { return v + eps; });
  }
}

/// scale * R / S(z), in one pass over memory where R and z are float32 on the CPU. Where no relevance arrives the
/// result is 0, whatever the denominator: with an epsilon of 0 it would be 0 / 0 at units that a ReLU switched off.
Tensor ratio(const Tensor& R, const Tensor& z, const Stabiliser& S, double scale = 1);

/// The same, written into the memory of z where that is possible: for denominators that nobody needs afterwards.
Tensor ratio_in_place(const Tensor& R, Tensor z, const Stabiliser& S, double scale = 1);

}  // namespace lrp
