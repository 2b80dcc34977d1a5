#include "image_binding.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "../error.h"
#include "../image/arrange.h"
#include "async.h"
#include "values.h"

namespace lrp::node {

namespace {

template <size_t N>
std::optional<std::array<int64_t, N>> numbers_from(const Napi::Object& options, const char* key) {
  const Napi::Value value = options.Get(key);
  if (value.IsUndefined()) return {};
  const auto list = integers_from(value, key);
  if (list.size() != N) throw Error("INVALID_ARGUMENT", std::string(key) + " needs " + std::to_string(N) + " numbers");
  std::array<int64_t, N> result;
  std::copy(list.begin(), list.end(), result.begin());
  return result;
}

/// Bytes over an array's memory. Throws INVALID_ARGUMENT when they are not as many as the shape says.
Tensor bytes_over(const Napi::Value& value, at::IntArrayRef shape) {
  const auto array = value.As<Napi::Uint8Array>();
  int64_t count = 1;
  for (const int64_t axis : shape) count *= axis < 1 ? 0 : axis;
  if (count == 0 || static_cast<int64_t>(array.ElementLength()) != count) {
    throw Error("INVALID_ARGUMENT", "the bytes are not those of one image of the given size");
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
    const auto options = info[1].As<Napi::Object>();
    const int64_t height = integer_from(options, "height", 0), width = integer_from(options, "width", 0);
    const int64_t channels = integer_from(options, "channels", 0);
    const Tensor image = flag_from(options, "planar", false)
                             ? bytes_over(info[0], {channels, height, width})
                             : bytes_over(info[0], {height, width, channels}).permute({2, 0, 1});
    const Arrangement wanted{numbers_from<2>(options, "resize"), numbers_from<4>(options, "crop")};
    const Tensor result = bytes_over(info[2], integers_from(info[3], "the shape of the result"));
    const bool consumes = flag_from(options, "consumes", false);
    const auto given = std::make_shared<Napi::ObjectReference>(Napi::Persistent(info[0].As<Napi::Object>()));
    return run_async(info.Env(), {info[0], info[2]}, [=]() -> Finish {
      const at::NoGradGuard no_grad;
      arrange(image, wanted, result);
      return [given, consumes](Napi::Env env) -> Napi::Value {
        if (consumes) free_memory(given->Value().As<Napi::Uint8Array>());
        return env.Undefined();
      };
    });
  });
}

}  // namespace lrp::node
