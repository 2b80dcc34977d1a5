#pragma once
#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "../distributed/collective.h"
#include "samples.h"

namespace lrp {

/// One process's part of a batch: places in the epoch's order.
struct Batch {
  /// Place of the first image.
  int64_t first = 0;
  /// Numbers of this process's images, and of all processes' together.
  at::Tensor own, whole;
  /// Images that were read ahead; undefined where they are in memory.
  at::Tensor images;

  /// Its images from `begin` to `end`.
  Batch part(int64_t begin, int64_t end) const;
};

/// The batches of one epoch in their order, read ahead of their use where images are not in memory.
class BatchLoader {
 public:
  /// Batches of an epoch. A last batch of one image is left out, because batch norms cannot take it.
  static int64_t count(int64_t images, int64_t batch_size);

  /// Begins at batch `first`.
  BatchLoader(const Samples& samples, std::vector<int64_t> order, int64_t batch_size, int64_t first,
              const Collective& collective);

  /// The next `count` batches, all there before the first is used. Throws ABORTED if waiting for them was cancelled.
  std::vector<Batch> next(int64_t count, const CancelToken& cancel);
  /// A batch's images and targets on a device.
  Samples load(const Batch& batch, c10::Device device) const;

  /// A batch's targets, where they are stored.
  at::Tensor targets(const Batch& batch) const;

  /// Keys of a batch's images for random changes; no image of another epoch has the same.
  std::vector<int64_t> keys(const Batch& batch, int64_t epoch) const;

 private:
  Batch batch(int64_t number) const;

  const Samples& samples_;
  const std::vector<int64_t> order_;
  int64_t batch_size_, next_;
  const Collective& collective_;
  std::optional<ReadAhead> ahead_;
};

}  // namespace lrp
