#include "order.h"

#include <ATen/ATen.h>

#include <map>
#include <numeric>

#include "../counter_random.h"

namespace lrp {

std::vector<int64_t> shuffled_order(int64_t size, uint64_t seed, int64_t epoch) {
  Random random(seed, kShuffle, static_cast<uint64_t>(epoch));
  std::vector<int64_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = size - 1; i > 0; --i)
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(random.below(i + 1))]);
  return order;
}

std::vector<int64_t> balanced_order(const at::Tensor& labels, uint64_t seed, int64_t epoch) {
  Random random(seed, kShuffle, static_cast<uint64_t>(epoch));
  const at::Tensor numbers = labels.cpu();
  std::map<int64_t, std::vector<int64_t>> by_class;
  for (int64_t i = 0; i < numbers.size(0); ++i) by_class[numbers.data_ptr<int64_t>()[i]].push_back(i);
  std::vector<const std::vector<int64_t>*> classes;
  for (const auto& [label, images] : by_class) classes.push_back(&images);
  std::vector<int64_t> order(static_cast<size_t>(numbers.size(0)));
  for (int64_t& image : order) {
    const auto& images = *classes[static_cast<size_t>(random.below(static_cast<int64_t>(classes.size())))];
    image = images[static_cast<size_t>(random.below(static_cast<int64_t>(images.size())))];
  }
  return order;
}

}  // namespace lrp
