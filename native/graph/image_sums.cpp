#include "image_sums.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "../ops/per_instruction_set.h"

namespace lrp {

namespace {

/// Numbers that one thread sums up at a time: the same whatever the threads and the other images.
constexpr int64_t kBlock = 1 << 14;

LRP_PER_INSTRUCTION_SET
void add_up(const float* values, int64_t count, double& sum, double& magnitude) {
  double s = 0, m = 0;
#pragma omp simd reduction(+ : s, m)
  for (int64_t i = 0; i < count; ++i) {
    const auto value = static_cast<double>(values[i]);
    s += value;
    m += std::fabs(value);
  }
  sum += s;
  magnitude += m;
}

LRP_PER_INSTRUCTION_SET
double weighted(const float* values, const float* weights, int64_t count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(values[i]) * static_cast<double>(weights[i]);
  return sum;
}

/// Numbers of an image if every image is one block of memory; 0 otherwise.
int64_t block_size(const Tensor& t, const BatchLayout& layout, int64_t images) {
  const bool fits = t.device().is_cpu() && t.scalar_type() == at::kFloat && layout.axis == 0 && t.dim() > 0 &&
                    t.numel() > 0 && t.is_non_overlapping_and_dense();
  if (!fits || (layout.parts_first && t.size(0) != images)) return 0;
  return t.size(0) == 1 || t.stride(0) * t.size(0) == t.numel() ? t.numel() / images : 0;
}

/// How the numbers of an image belong to weights: for each outer place, each weight in turn for `inner` numbers.
struct Weighting {
  int64_t outer = 0, weights = 0, inner = 0;
};

/// Weights of the last axis, or of the channels; `outer` is 0 for others.
Weighting weighting_of(const Tensor& t, const Tensor& weights, int64_t block) {
  const int64_t count = weights.numel();
  if (count == 0 || block % count != 0) return {};
  const bool of_last = weights.dim() == 1 && t.is_contiguous() && t.size(-1) == count;
  if (of_last) return {block / count, count, 1};
  const bool of_channels = t.dim() > 2 && weights.dim() == t.dim() && t.size(1) == count && weights.size(1) == count;
  if (!of_channels) return {};
  if (t.is_contiguous()) return {1, count, block / count};
  const bool is_last = t.dim() == 4 && t.is_contiguous(at::MemoryFormat::ChannelsLast);
  return is_last ? Weighting{block / count, count, 1} : Weighting{};
}

}  // namespace

ImageSums sums_of_images(const Tensor& t, const BatchLayout& layout, int64_t images) {
  const int64_t block = block_size(t, layout, images);
  if (block == 0) return {layout.sum(t, images), layout.sum(t.abs(), images)};
  ImageSums result{at::zeros({images}, at::kDouble), at::zeros({images}, at::kDouble)};
  const auto* values = t.const_data_ptr<float>();
  double *sum = result.sum.data_ptr<double>(), *magnitude = result.magnitude.data_ptr<double>();
  at::parallel_for(0, images, std::max<int64_t>(1, kBlock / block), [&](int64_t begin, int64_t end) {
    for (int64_t image = begin; image < end; ++image) {
      for (int64_t from = 0; from < block; from += kBlock) {
        add_up(values + image * block + from, std::min(kBlock, block - from), sum[image], magnitude[image]);
      }
    }
  });
  return result;
}

Tensor weighted_sums_of_images(const Tensor& t, const Tensor& weights, const BatchLayout& layout, int64_t images) {
  const int64_t block = weights.scalar_type() == at::kFloat ? block_size(t, layout, images) : 0;
  const Weighting how = block == 0 ? Weighting{} : weighting_of(t, weights, block);
  if (how.outer == 0) return layout.sum(t * weights, images);
  Tensor result = at::zeros({images}, at::kDouble);
  const Tensor contiguous = weights.contiguous();
  const auto *values = t.const_data_ptr<float>(), *w = contiguous.const_data_ptr<float>();
  auto* sums = result.data_ptr<double>();
  at::parallel_for(0, images, std::max<int64_t>(1, kBlock / block), [&](int64_t begin, int64_t end) {
    for (int64_t image = begin; image < end; ++image) {
      const float* own = values + image * block;
      for (int64_t i = 0; i < how.outer && how.inner == 1; ++i) {
        sums[image] += weighted(own + i * how.weights, w, how.weights);
      }
      for (int64_t i = 0; i < how.weights && how.inner > 1; ++i) {
        double sum = 0, magnitude = 0;
        add_up(own + i * how.inner, how.inner, sum, magnitude);
        sums[image] += sum * static_cast<double>(w[i]);
      }
    }
  });
  return result;
}

}  // namespace lrp
