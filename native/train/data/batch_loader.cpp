#include "batch_loader.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace lrp {

Batch Batch::part(int64_t begin, int64_t end) const {
  return {first + begin, own.slice(0, begin, end), whole, images.defined() ? images.slice(0, begin, end) : images};
}

int64_t BatchLoader::count(int64_t images, int64_t batch_size) {
  const int64_t batches = (images + batch_size - 1) / batch_size;
  return batches > 1 && images % batch_size == 1 ? batches - 1 : batches;
}

BatchLoader::BatchLoader(const Samples& samples, std::vector<int64_t> order, int64_t batch_size, int64_t first,
                         const Collective& collective)
    : samples_(samples), order_(std::move(order)), batch_size_(batch_size), next_(first), collective_(collective) {
  if (!samples.source) return;
  std::vector<std::vector<int64_t>> batches;
  for (int64_t number = first; number < count(samples.size(), batch_size); ++number) {
    const Tensor own = batch(number).own;
    const auto* numbers = own.const_data_ptr<int64_t>();
    batches.emplace_back(numbers, numbers + own.numel());
  }
  ahead_.emplace(*samples.source, std::move(batches));
}

std::vector<Batch> BatchLoader::next(int64_t count, const CancelToken& cancel) {
  std::vector<Batch> batches;
  for (int64_t i = 0; i < count; ++i) {
    batches.push_back(batch(next_++));
    if (ahead_) batches.back().images = ahead_->next(cancel);
  }
  return batches;
}

Samples BatchLoader::load(const Batch& batch, c10::Device device) const {
  const Tensor images = batch.images.defined()
                            ? batch.images
                            : samples_.images.index_select(0, batch.own.to(samples_.images.device(), true));
  return {images.to(device), targets(batch).to(device)};
}

at::Tensor BatchLoader::targets(const Batch& batch) const {
  return samples_.targets.index_select(0, batch.own.to(samples_.targets.device()));
}

std::vector<int64_t> BatchLoader::keys(const Batch& batch, int64_t epoch) const {
  std::vector<int64_t> keys(static_cast<size_t>(batch.own.numel()));
  const int64_t first = epoch * static_cast<int64_t>(order_.size()) + batch.first;
  for (size_t i = 0; i < keys.size(); ++i) keys[i] = first + static_cast<int64_t>(i);
  return keys;
}

Batch BatchLoader::batch(int64_t number) const {
  const int64_t from = number * batch_size_;
  const int64_t to = std::min(from + batch_size_, static_cast<int64_t>(order_.size()));
  const auto places = [this](std::pair<int64_t, int64_t> range) {
    return at::from_blob(const_cast<int64_t*>(order_.data()) + range.first, {range.second - range.first},
                         at::dtype(at::kLong));
  };
  const auto part = collective_.part_of({from, to});
  return {part.first, places(part), places({from, to}), {}};
}

}  // namespace lrp
