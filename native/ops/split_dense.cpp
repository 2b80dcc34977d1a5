#include "split_dense.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "per_instruction_set.h"

namespace lrp {

namespace {

constexpr int64_t kLargeWeight = 1 << 20;
constexpr int64_t kFewImages = 8;
constexpr int64_t kColumns = 2048;  // of the gradient that one thread keeps in its cache

/// A part as factors: above * max(w, 0) + below * min(w, 0).
struct Factors {
  float above, below;
};

Factors factors_of(Part part) { return {static_cast<float>(part.above), static_cast<float>(part.below)}; }

LRP_PER_INSTRUCTION_SET
float dot(const float* x, const float* w, int64_t n, Factors f) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += x[i] * (w[i] > 0 ? f.above * w[i] : f.below * w[i]);
  return sum;
}

LRP_PER_INSTRUCTION_SET
void add_scaled(float* y, const float* w, int64_t n, float g, Factors f) {
  const float above = g * f.above, below = g * f.below;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] += w[i] > 0 ? above * w[i] : below * w[i];
}

/// Four rows at once: y is read and written once for all of them.
LRP_PER_INSTRUCTION_SET
void add_scaled4(float* y, const float* const* w, int64_t n, const float* g, Factors f) {
  const float *w0 = w[0], *w1 = w[1], *w2 = w[2], *w3 = w[3];
  const float a0 = g[0] * f.above, a1 = g[1] * f.above, a2 = g[2] * f.above, a3 = g[3] * f.above;
  const float b0 = g[0] * f.below, b1 = g[1] * f.below, b2 = g[2] * f.below, b3 = g[3] * f.below;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    y[i] += (w0[i] > 0 ? a0 : b0) * w0[i] + (w1[i] > 0 ? a1 : b1) * w1[i] + (w2[i] > 0 ? a2 : b2) * w2[i] +
            (w3[i] > 0 ? a3 : b3) * w3[i];
  }
}

/// Row numbers where a gradient is not zero.
std::vector<int64_t> nonzero_rows(const float* g, int64_t rows) {
  std::vector<int64_t> result;
  for (int64_t row = 0; row < rows; ++row) {
    if (g[row] != 0) result.push_back(row);
  }
  return result;
}

/// One image's gradient over some columns, from the rows that matter.
void gradient_columns(float* y, const float* w, int64_t inputs, int64_t from, int64_t count,
                      const std::vector<int64_t>& rows, const float* g, Factors f) {
  size_t i = 0;
  for (; i + 4 <= rows.size(); i += 4) {
    const float* four[4];
    float scale[4];
    for (size_t k = 0; k < 4; ++k) {
      four[k] = w + rows[i + k] * inputs + from;
      scale[k] = g[rows[i + k]];
    }
    add_scaled4(y, four, count, scale, f);
  }
  for (; i < rows.size(); ++i) add_scaled(y, w + rows[i] * inputs + from, count, g[rows[i]], f);
}

}  // namespace

bool fits_split_dense(const Tensor& x, const Tensor& weight, Part part) {
  return part.kind == Part::kSplit && weight.device().is_cpu() && weight.scalar_type() == at::kFloat &&
         x.scalar_type() == at::kFloat && weight.is_contiguous() && weight.numel() >= kLargeWeight &&
         x.numel() <= kFewImages * x.size(-1);
}

Tensor split_dense_forward(const Tensor& input, const Tensor& weight, Part part) {
  const Factors factors = factors_of(part);
  const int64_t outputs = weight.size(0), inputs = weight.size(1);
  const Tensor x = input.reshape({-1, inputs}).contiguous();
  const int64_t images = x.size(0);
  Tensor result = at::empty({images, outputs}, x.options());
  const float *in = x.const_data_ptr<float>(), *w = weight.const_data_ptr<float>();
  auto* out = result.data_ptr<float>();
  at::parallel_for(0, outputs, 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t image = 0; image < images; ++image) {
        out[image * outputs + row] = dot(in + image * inputs, w + row * inputs, inputs, factors);
      }
    }
  });
  auto shape = input.sizes().vec();
  shape.back() = outputs;
  return result.view(shape);
}

Tensor split_dense_gradient(const Tensor& gradient, const Tensor& weight, Part part) {
  const Factors factors = factors_of(part);
  const int64_t outputs = weight.size(0), inputs = weight.size(1);
  const Tensor g = gradient.reshape({-1, outputs}).contiguous();
  const int64_t images = g.size(0);
  Tensor result = at::zeros({images, inputs}, g.options());
  const float *in = g.const_data_ptr<float>(), *w = weight.const_data_ptr<float>();
  auto* out = result.data_ptr<float>();
  std::vector<std::vector<int64_t>> rows;
  for (int64_t image = 0; image < images; ++image) rows.push_back(nonzero_rows(in + image * outputs, outputs));
  const int64_t chunks = (inputs + kColumns - 1) / kColumns;
  at::parallel_for(0, chunks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      const int64_t from = chunk * kColumns, count = std::min(kColumns, inputs - from);
      for (int64_t image = 0; image < images; ++image) {
        gradient_columns(out + image * inputs + from, w, inputs, from, count, rows[static_cast<size_t>(image)],
                         in + image * outputs, factors);
      }
    }
  });
  auto shape = gradient.sizes().vec();
  shape.back() = inputs;
  return result.view(shape);
}

}  // namespace lrp
