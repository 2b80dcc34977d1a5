#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <optional>
#include <vector>

namespace lrp {

using at::Tensor;

/// A picture whose masked pixels are pasted into images.
struct Patch {
  /// Bytes [channels, height, width], and [height, width]: 1 where a pixel is pasted.
  Tensor pixels, mask;
  /// Top and left in the stored image; without them at a random place in each.
  std::optional<std::array<int64_t, 2>> place;
};

/// Random changes of training images; zero, false or an empty range leaves a change out. Order: patch, crop and flips,
/// affine map, colours, erasing.
struct AugmentOptions {
  /// The window of Preprocessing::crop lies at a random place instead of in the middle.
  bool random_crop;
  /// Pads every side with black by so many pixels, then cuts the network's size out at a random place.
  int64_t crop_padding;
  /// Mirrored with probability 1/2.
  bool horizontal_flip;
  bool vertical_flip;
  /// Degrees either way; shift as a share of the size; zoom range; shear in degrees.
  double rotation;
  double translate;
  double scale_low, scale_high;
  double shear;
  /// Factors from 1 - v to 1 + v; hue as a share of the circle either way. As torchvision's ColorJitter, in this order.
  double brightness, contrast, saturation, hue;
  /// Probability that a rectangle of 2 % to 33 % of the image is set to the mean (torchvision's RandomErasing).
  double erasing;
  /// Pasted with probability 1/2, whatever the class.
  std::optional<Patch> insert;

  bool crops() const { return random_crop || crop_padding > 0; }
  bool moves() const { return crops() || horizontal_flip || vertical_flip; }
  bool warps() const { return rotation > 0 || translate > 0 || shear > 0 || scale_low != 1 || scale_high != 1; }
  bool colours() const { return brightness > 0 || contrast > 0 || saturation > 0 || hue > 0; }
};

/// How images become the network's input: the middle of larger ones, then (value * scale - mean) / std per channel;
/// bytes are divided by 255 before.
struct Preprocessing {
  /// Height and width of the window that the network sees, where images are larger.
  std::optional<std::array<int64_t, 2>> crop;
  /// One per channel, one for all, or none.
  std::vector<double> mean, std;
  double scale;
  /// The stored channels are RGB, the network wants BGR.
  bool bgr;
};

/// A batch [N, C, H, W] of bytes or of floats (0 to 1), ready for the network in float32. With `augment` and one key
/// per image the random changes are applied; an image's changes depend on the seed and its key alone.
Tensor prepare_images(const Tensor& images, const Preprocessing& preprocessing,
                      const std::optional<AugmentOptions>& augment = std::nullopt, uint64_t seed = 0,
                      const std::vector<int64_t>& keys = {});

}  // namespace lrp
