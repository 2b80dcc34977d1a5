#include <ATen/ATen.h>

#include "../../error.h"
#include "target.h"

namespace lrp {

namespace {

/// Cosine similarity of an embedding f [batch, features] to a reference g: the sum of f g / (|f| |g|).
class SimilarityTarget : public Target {
 public:
  SimilarityTarget(const Tensor& reference, int64_t images) : direction_(reference / length_of(reference)) {
    classes = at::full({reference.size(0), images}, -1, reference.options().dtype(at::kLong));
  }
  int64_t explanations() const override { return classes.size(0); }
  Targets of_image(int64_t) const override { return std::make_shared<SimilarityTarget>(direction_, 1); }

  Tensor seed(const Tensor& output, int64_t t, Start start) const override {
    const Tensor f = output.flatten(1), g = direction_[t].unsqueeze(0), length = length_of(f);
    const Tensor parts = f * g / length;
    if (start != Start::one) return parts.view_as(output);
    const Tensor similarity = parts.sum(1, true);
    return ((g - similarity * f / length) / length).view_as(output);
  }

  Tensor score(const Tensor& output, int64_t t) const override {
    return seed(output, t, Start::logit).flatten(1).sum(1, false, at::kDouble);
  }

 private:
  static Tensor length_of(const Tensor& rows) {
    const Tensor length = rows.norm(2, {1}, true);
    if (length.eq(0).any().item<bool>())
      throw Error("NUMERIC", "an embedding consists of zeros, so its similarity to the reference is undefined");
    return length;
  }

  Tensor direction_;  // [explanations, features], of length 1
};

}  // namespace

Targets similarity_target(const Tensor& reference, const Tensor& output) {
  const int64_t features = output.numel() / output.size(0);
  if (features != output.size(1) || reference.dim() != 2 || reference.size(1) != features) {
    throw Error("INVALID_ARGUMENT", "a reference of shape " + c10::str(reference.sizes()) +
                                        " does not match an output of shape " + c10::str(output.sizes()) +
                                        ": similarity needs embeddings of shape [batch, features]");
  }
  return std::make_shared<SimilarityTarget>(reference.to(output.device(), output.scalar_type()), output.size(0));
}

}  // namespace lrp
