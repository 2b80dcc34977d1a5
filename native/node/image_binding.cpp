#include "image_binding.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "../error.h"
#include "../image/arrange.h"
#include "async.h"
#include "fields.h"

namespace lrp::node {

namespace {

/// Bytes, before and after, up to which an image is arranged sooner than handed to another thread.
constexpr int64_t kSmallImages = 16384;

/// An image of bytes as JavaScript has it, and what becomes of it.
struct StoredImage : Arrangement {
  int64_t height, width, channels;
  bool planar, consumes;
};

constexpr auto fields(const StoredImage*) {
  return std::make_tuple(field("height", &StoredImage::height), field("width", &StoredImage::width),
                         field("channels", &StoredImage::channels), field("planar", &StoredImage::planar),
                         field("consumes", &StoredImage::consumes), field("resize", &StoredImage::resize),
                         field("interpolation", &StoredImage::interpolation), field("crop", &StoredImage::crop));
}

/// Bytes over an array's memory. Throws INVALID_ARGUMENT when they are not as many as the shape says.
Tensor bytes_over(const Napi::Value& value, at::IntArrayRef shape) {
  const auto array = value.As<Napi::Uint8Array>();
  int64_t count = 1;
  for (const int64_t axis : shape) count *= axis < 1 ? 0 : axis;
  if (count == 0 || static_cast<int64_t>(array.ElementLength()) != count) {
    throw Error("INVALID_ARGUMENT", "the number of bytes does not match one image of the given size");
  }
  return at::from_blob(const_cast<uint8_t*>(array.Data()), shape, at::kByte);
}

/// Gives memory back at once that its owner needs no more: left to the garbage collector, decoded images would keep it
/// busy.
void free_memory(const Napi::Uint8Array& bytes) {
  Napi::ArrayBuffer memory = bytes.ArrayBuffer();
  if (memory.ByteLength() == bytes.ByteLength()) memory.Detach();
}

}  // namespace

Napi::Value arrange_image(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto stored = read<StoredImage>(info[1], "the arrangement");
    const int64_t height = stored.height, width = stored.width, channels = stored.channels;
    const Tensor image = stored.planar ? bytes_over(info[0], {channels, height, width})
                                       : bytes_over(info[0], {height, width, channels}).permute({2, 0, 1});
    const Tensor result = bytes_over(info[2], read<std::vector<int64_t>>(info[3], "the shape of the result"));
    const auto given = std::make_shared<Napi::ObjectReference>(Napi::Persistent(info[0].As<Napi::Object>()));
    const Work work = [=]() -> Finish {
      const at::NoGradGuard no_grad;
      arrange(image, stored, result);
      return [given, consumes = stored.consumes](Napi::Env env) -> Napi::Value {
        if (consumes) free_memory(given->Value().As<Napi::Uint8Array>());
        return env.Undefined();
      };
    };
    const bool is_small = image.numel() + result.numel() <= kSmallImages;
    return is_small ? run_now(info.Env(), work) : run_async(info.Env(), {info[0], info[2]}, work);
  });
}

}  // namespace lrp::node
