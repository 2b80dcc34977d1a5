#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "../../cancel.h"

namespace lrp {

/// Images that are not in memory: asked for by index ahead of their use, and taken in the order they were asked for.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  /// Asks for a batch.
  virtual void request(std::vector<int64_t> indices) = 0;
  /// The bytes [N, C, H, W] of the oldest request, waited for. Throws the error that reading met, or ABORTED.
  virtual at::Tensor take(const CancelToken& cancel) = 0;
  /// Forgets what was asked for and not taken.
  virtual void clear() = 0;
};

/// Batches in their order, read ahead of their use: never more than kImages images and two batches, so that memory is
/// bounded.
class ReadAhead {
 public:
  ReadAhead(ImageSource& source, std::vector<std::vector<int64_t>> batches)
      : source_(source), batches_(std::move(batches)) {}
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  ~ReadAhead() { source_.clear(); }

  at::Tensor next(const CancelToken& cancel) {
    for (; asked_ < batches_.size() && (asked_ < taken_ + 2 || waiting_ + batches_[asked_].size() <= kImages);
         ++asked_) {
      waiting_ += batches_[asked_].size();
      source_.request(batches_[asked_]);
    }
    at::Tensor images = source_.take(cancel);
    waiting_ -= batches_[taken_++].size();
    return images;
  }

 private:
  static constexpr size_t kImages = 64;

  ImageSource& source_;
  std::vector<std::vector<int64_t>> batches_;
  size_t asked_ = 0, taken_ = 0, waiting_ = 0;
};

}  // namespace lrp
