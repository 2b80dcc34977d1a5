#include "augment.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>

#include "../../error.h"
#include "../counter_random.h"
#include "paste.h"
#include "window.h"

namespace lrp {

namespace {

constexpr double kRadians = 3.14159265358979323846 / 180;

/// Everything drawn for a batch, one entry per image.
struct Draws {
  Windows windows;
  std::vector<int64_t> box;
  std::vector<PastePlace> pasted;
  std::vector<float> theta, brightness, contrast, saturation, hue;
};

/// Rows of the inverse map from output to input coordinates, both from -1 to 1, as at::affine_grid_generator wants it.
void append_affine(std::vector<float>& theta, const AugmentOptions& o, double aspect, Random& random) {
  const double angle = random.uniform(-o.rotation, o.rotation) * kRadians;
  const double shear = std::tan(random.uniform(-o.shear, o.shear) * kRadians);
  const double zoom = random.uniform(o.scale_low, o.scale_high);
  const double dx = random.uniform(-o.translate, o.translate) * 2, dy = random.uniform(-o.translate, o.translate) * 2;
  const double c = std::cos(angle) / zoom, s = std::sin(angle) / zoom;
  const double a[2][2] = {{c, c * shear + s}, {-s, -s * shear + c}};
  for (int row = 0; row < 2; ++row) {
    const double x = row == 0 ? a[0][0] : a[1][0] * aspect;
    const double y = row == 0 ? a[0][1] / aspect : a[1][1];
    for (const double value : {x, y, -x * dx - y * dy}) theta.push_back(static_cast<float>(value));
  }
}

/// Top, left, height and width of what is erased; nothing with height 0.
void append_box(std::vector<int64_t>& box, double probability, int64_t height, int64_t width, Random& random) {
  int64_t chosen[4] = {0, 0, 0, 0};
  const bool erase = random.uniform() < probability;
  for (int attempt = 0; erase && attempt < 10 && chosen[2] == 0; ++attempt) {
    const double area = random.uniform(0.02, 0.33) * static_cast<double>(height * width);
    const double ratio = std::exp(random.uniform(std::log(0.3), std::log(3.3)));
    const auto h = static_cast<int64_t>(std::lround(std::sqrt(area * ratio)));
    const auto w = static_cast<int64_t>(std::lround(std::sqrt(area / ratio)));
    if (h < 1 || w < 1 || h >= height || w >= width) continue;
    chosen[0] = random.below(height - h + 1);
    chosen[1] = random.below(width - w + 1);
    chosen[2] = h;
    chosen[3] = w;
  }
  box.insert(box.end(), chosen, chosen + 4);
}

/// `windows` are where they lie unless they move.
Draws draw(const AugmentOptions& o, const Tensor& images, Windows windows, uint64_t seed,
           const std::vector<int64_t>& keys) {
  const int64_t height = windows.height, width = windows.width;
  Draws d;
  auto& w = d.windows = std::move(windows);
  w.padding = o.crop_padding;
  const auto place = [&](int64_t axis, int64_t middle, int64_t size, Random& random) {
    const int64_t room = o.random_crop ? images.size(axis) - size : 0, first = o.random_crop ? 0 : middle;
    return first + random.below(room + 2 * o.crop_padding + 1);
  };
  for (size_t i = 0; i < keys.size(); ++i) {
    Random random(seed, kAugment, static_cast<uint64_t>(keys[i]));
    w.top[i] = place(2, w.top[i], height, random);
    w.left[i] = place(3, w.left[i], width, random);
    w.flip_x[i] = o.horizontal_flip && random.below(2) == 1;
    w.flip_y[i] = o.vertical_flip && random.below(2) == 1;
    append_affine(d.theta, o, static_cast<double>(width) / static_cast<double>(height), random);
    d.brightness.push_back(static_cast<float>(random.uniform(1 - o.brightness, 1 + o.brightness)));
    d.contrast.push_back(static_cast<float>(random.uniform(1 - o.contrast, 1 + o.contrast)));
    d.saturation.push_back(static_cast<float>(random.uniform(1 - o.saturation, 1 + o.saturation)));
    d.hue.push_back(static_cast<float>(random.uniform(-o.hue, o.hue)));
    append_box(d.box, o.erasing, height, width, random);
    if (o.insert) d.pasted.push_back(draw_place(*o.insert, images, random));
  }
  return d;
}

template <typename T>
Tensor column(const std::vector<T>& values, const Tensor& like, at::IntArrayRef shape) {
  const Tensor here = at::tensor(at::ArrayRef<T>(values), at::dtype(c10::CppTypeToScalarType<T>::value)).view(shape);
  return here.to(like.device(), true);  // so few numbers are taken over at once: a GPU is not waited for
}

Tensor warped(const Tensor& x, const Draws& d) {
  const Tensor theta = column(d.theta, x, {-1, 2, 3});
  const Tensor grid = at::affine_grid_generator(theta, x.sizes(), false);
  return at::grid_sampler(x, grid, 0, 0, false);
}

Tensor grey(const Tensor& x) {
  if (x.size(1) != 3) return x.mean(1, true);
  return x.select(1, 0).mul(0.299).add(x.select(1, 1), 0.587).add(x.select(1, 2), 0.114).unsqueeze(1);
}

/// Rotates the chroma plane of YIQ: close to a change of hue in HSV, and one matrix per image.
Tensor hue_turned(const Tensor& x, const Tensor& turn) {
  const auto floats = x.options();
  const Tensor yiq =
      at::tensor({0.299f, 0.587f, 0.114f, 0.596f, -0.274f, -0.322f, 0.211f, -0.523f, 0.312f}).view({3, 3});
  const Tensor to = yiq.to(floats, true), back = at::inverse(yiq).to(floats, true);
  const Tensor angle = turn * (360 * kRadians);
  const Tensor c = angle.cos(), s = angle.sin(), zero = at::zeros_like(c), one = at::ones_like(c);
  const Tensor rotate = at::stack({one, zero, zero, zero, c, -s, zero, s, c}, 1).view({-1, 3, 3});
  const Tensor matrix = at::matmul(back, at::matmul(rotate, to));
  return at::matmul(matrix, x.flatten(2)).view_as(x).clamp(0, 1);
}

Tensor recoloured(Tensor x, const AugmentOptions& o, const Draws& d) {
  const auto blend = [](const Tensor& a, const Tensor& b, const Tensor& share) {
    return (b + share * (a - b)).clamp(0, 1);
  };
  const std::vector<int64_t> each{-1, 1, 1, 1};
  if (o.brightness > 0) x = (x * column(d.brightness, x, each)).clamp(0, 1);
  if (o.contrast > 0) x = blend(x, grey(x).mean({1, 2, 3}, true), column(d.contrast, x, each));
  if (x.size(1) != 3) return x;
  if (o.saturation > 0) x = blend(x, grey(x), column(d.saturation, x, each));
  if (o.hue > 0) x = hue_turned(x, column(d.hue, x, {-1}));
  return x;
}

Tensor erased(const Tensor& x, const Draws& d) {
  const Tensor box = column(d.box, x, {-1, 4, 1, 1});
  const auto within = [&](const Tensor& along, int64_t start) {
    const Tensor from = box.select(1, start).unsqueeze(1), size = box.select(1, start + 2).unsqueeze(1);
    return (along >= from).logical_and(along < from + size);
  };
  const auto index = x.options().dtype(at::kLong);
  const Tensor rows = at::arange(x.size(2), index).view({1, 1, -1, 1}),
               columns = at::arange(x.size(3), index).view({1, 1, 1, -1});
  return x.masked_fill(within(rows, 0).logical_and(within(columns, 1)), 0);
}

/// Per channel: normalised values are x * a + b.
struct Factors {
  std::vector<float> a, b;
};

Factors factors_of(const Preprocessing& n, bool bytes) {
  if (n.mean.size() != n.std.size())
    throw Error("INVALID_ARGUMENT", "the lists 'mean' and 'std' of the preprocessing must have the same length");
  Factors factors;
  for (size_t c = 0; c < n.mean.size(); ++c) {
    factors.a.push_back(static_cast<float>(n.scale / n.std[c] / (bytes ? 255 : 1)));
    factors.b.push_back(static_cast<float>(-n.mean[c] / n.std[c]));
  }
  return factors;
}

/// Bytes [N, C, ...] on the CPU as normalised floats, in one pass over them.
Tensor normalised_bytes(const Tensor& given, const Factors& factors, bool bgr) {
  const Tensor images = given.contiguous();
  Tensor result = at::empty(images.sizes(), at::kFloat);
  const int64_t channels = images.size(1), planes = images.size(0) * channels,
                size = images.numel() / std::max<int64_t>(planes, 1);
  const uint8_t* from = images.const_data_ptr<uint8_t>();
  float* to = result.mutable_data_ptr<float>();
  at::parallel_for(0, planes, 1 + (1 << 15) / std::max<int64_t>(size, 1), [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) {
      const int64_t channel = plane % channels;
      const uint8_t* source = from + (bgr ? plane + channels - 1 - 2 * channel : plane) * size;
      const size_t which = factors.a.size() == 1 ? 0 : static_cast<size_t>(channel);
      const float a = factors.a[which], b = factors.b[which];
      for (int64_t i = 0; i < size; ++i) to[plane * size + i] = static_cast<float>(source[i]) * a + b;
    }
  });
  return result;
}

/// Normalised in place.
Tensor normalised(Tensor x, const Factors& factors) {
  const auto& [a, b] = factors;
  if (a.empty()) return x;
  if (a.size() == 1) return x.mul_(a[0]).add_(b[0]);
  std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
  shape[1] = static_cast<int64_t>(a.size());
  return x.mul_(column(a, x, shape)).add_(column(b, x, shape));
}

}  // namespace

Tensor prepare_images(const Tensor& images, const Preprocessing& preprocessing,
                      const std::optional<AugmentOptions>& augment, uint64_t seed, const std::vector<int64_t>& keys) {
  Tensor x = images;
  const bool bytes = images.scalar_type() == at::kByte, crops = preprocessing.crop.has_value();
  Draws d;
  if (augment || crops) {
    if (images.dim() != 4)
      throw Error("INVALID_ARGUMENT", "crops and augmentation need images of shape [batch, channels, height, width]");
    if (augment && keys.size() != static_cast<size_t>(images.size(0)))
      throw Error("INVALID_ARGUMENT", "the number of keys must equal the number of images");
    Windows windows = crops ? middle_windows(images, (*preprocessing.crop)[0], (*preprocessing.crop)[1])
                            : middle_windows(images, images.size(2), images.size(3));
    if (augment)
      d = draw(*augment, images, std::move(windows), seed, keys);
    else
      d.windows = std::move(windows);
    if (augment && augment->insert) x = pasted(x, *augment->insert, d.pasted);
    if (crops || augment->moves()) x = cut_windows(x, d.windows);
  }
  const bool pixels = augment && (augment->warps() || augment->colours());
  const Factors factors = factors_of(preprocessing, bytes && !pixels);
  if (bytes && !pixels && x.device().is_cpu() && x.dim() > 1 && !factors.a.empty()) {
    x = normalised_bytes(x, factors, preprocessing.bgr);
    return augment && augment->erasing > 0 ? erased(x, d) : x;
  }
  x = x.to(at::kFloat, false, !bytes);
  if (pixels) {
    if (bytes) x.div_(255);
    if (augment->warps()) x = warped(x, d);
    if (augment->colours()) x = recoloured(x, *augment, d);
  }
  if (preprocessing.bgr) x = x.flip(1);
  x = normalised(x, factors);
  return augment && augment->erasing > 0 ? erased(x, d) : x;
}

}  // namespace lrp
