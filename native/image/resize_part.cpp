#include "resize_part.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "../error.h"

namespace lrp {

namespace {

using at::Tensor;

/// Weights are whole numbers with so many binary places.
constexpr int kPlaces = 22;

struct Filter {
  double (*weight)(double distance);
  /// Distance from which on weights are 0.
  double reach;
};

double triangle(double x) { return std::max(0.0, 1 - std::abs(x)); }

/// Keys' cubic convolution, with PIL's a = -0.5.
double cubic(double x) {
  const double a = -0.5, d = std::abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

double one(double) { return 1; }

Filter filter_of(const std::string& interpolation) {
  if (interpolation == "nearest") return {one, 0};
  if (interpolation == "bilinear") return {triangle, 1};
  if (interpolation == "bicubic") return {cubic, 2};
  throw Error("INVALID_ARGUMENT",
              "the interpolation must be nearest, bilinear or bicubic, not '" + interpolation + "'");
}

/// What one pixel along an axis is made of.
struct Mixture {
  int64_t first;
  std::vector<int64_t> weights;
};

Mixture mixture_of(int64_t pixel, int64_t from, int64_t to, const Filter& filter) {
  const double scale = static_cast<double>(from) / to, center = (pixel + 0.5) * scale;
  if (filter.reach == 0) return {std::min(static_cast<int64_t>(center), from - 1), {int64_t{1} << kPlaces}};
  const double wider = std::max(scale, 1.0), reach = filter.reach * wider;
  const int64_t first = std::max<int64_t>(0, static_cast<int64_t>(center - reach + 0.5));
  const int64_t end = std::min(from, static_cast<int64_t>(center + reach + 0.5));
  std::vector<double> weights;
  double sum = 0;
  for (int64_t x = first; x < end; ++x) sum += weights.emplace_back(filter.weight((x - center + 0.5) / wider));
  Mixture mixture{first, {}};
  for (const double weight : weights) mixture.weights.push_back(std::llround(weight / sum * (1 << kPlaces)));
  return mixture;
}

std::vector<Mixture> mixtures_of(int64_t begin, int64_t length, int64_t from, int64_t to, const Filter& filter) {
  std::vector<Mixture> result;
  for (int64_t i = begin; i < begin + length; ++i) result.push_back(mixture_of(i, from, to, filter));
  return result;
}

/// Lines of `image` [C, lines, pixels] with other pixels along the last axis: [C, lines, mixtures].
Tensor mixed(const Tensor& image, const std::vector<Mixture>& mixtures) {
  const int64_t channels = image.size(0), lines = image.size(1), next = image.stride(2);
  const int64_t length = mixtures.size();
  const Tensor result = at::empty({channels, lines, length}, image.options());
  uint8_t* to = result.mutable_data_ptr<uint8_t>();
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t y = 0; y < lines; ++y) {
      const uint8_t* line = image.const_data_ptr<uint8_t>() + c * image.stride(0) + y * image.stride(1);
      for (const auto& [first, weights] : mixtures) {
        int64_t sum = int64_t{1} << (kPlaces - 1);
        const uint8_t* from = line + first * next;
        for (const int64_t weight : weights) {
          sum += weight * *from;
          from += next;
        }
        *to++ = static_cast<uint8_t>(std::clamp<int64_t>(sum >> kPlaces, 0, 255));
      }
    }
  }
  return result;
}

}  // namespace

Tensor resize_part(const Tensor& image, std::array<int64_t, 2> size, std::array<int64_t, 4> part,
                   const std::string& interpolation) {
  const auto [top, left, height, width] = part;
  const Filter filter = filter_of(interpolation);
  const auto columns = mixtures_of(left, width, image.size(2), size[1], filter);
  auto rows = mixtures_of(top, height, image.size(1), size[0], filter);
  // only the lines that the rows need
  const int64_t first = rows.front().first;
  const int64_t end = rows.back().first + static_cast<int64_t>(rows.back().weights.size());
  for (Mixture& row : rows) row.first -= first;
  const Tensor lines = mixed(image.narrow(1, first, end - first), columns);
  return mixed(lines.transpose(1, 2), rows).transpose(1, 2);
}

}  // namespace lrp
