#pragma once
#include "rule.h"

namespace lrp {

/// scale * x fT(R / S(z)) at every explained input, fT by autograd: for ops that are linear in all their explained
/// inputs together (scale 1), or in each of two of them (scale 1/2). Factors that the record names share alike; what it
/// holds gets nothing.
std::vector<Tensor> share_by_autograd(const Layer& layer, const Tensor& R, const Stabiliser& S, double scale = 1);

}  // namespace lrp
