#include "precision.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>

#include "error.h"

namespace lrp {

namespace {

constexpr auto kNoAutocast = c10::ScalarType::Undefined;

std::shared_mutex& float32_mutex() {
  static std::shared_mutex mutex;
  return mutex;
}

void allow_tf32(bool allowed) {
  at::globalContext().setAllowTF32CuDNN(allowed);
  at::globalContext().setAllowTF32CuBLAS(allowed);
}

void set_autocast(c10::DeviceType device, c10::ScalarType type) {
  const bool active = type != kNoAutocast;
  if (active) at::autocast::set_autocast_dtype(device, type);
  at::autocast::set_autocast_enabled(device, active);
  if (!active) at::autocast::clear_cache();
}

}  // namespace

c10::ScalarType dtype_of_precision(const std::string& name, c10::Device device) {
  if (name == "fp64") return at::kDouble;
  if (name != "fp32" && name != "bf16" && name != "fp16" && name != "tf32") {
    throw Error("INVALID_ARGUMENT", "there is no precision '" + name + "': use fp32, fp64, bf16, fp16 or tf32");
  }
  if ((name == "fp16" || name == "tf32") && device.is_cpu()) {
    throw Error("UNSUPPORTED", "precision " + name + " needs a CUDA device: use fp32, fp64 or bf16 on the CPU");
  }
  if (name == "bf16" && device.is_cpu() && !cpu_computes_bf16()) {
    throw Error("UNSUPPORTED",
                "precision bf16 would be slower than fp32 on this processor, which lacks AVX-512 BF16: use fp32");
  }
  return at::kFloat;
}

bool cpu_computes_bf16() {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  return __builtin_cpu_supports("avx512bf16");
#else
  return true;  // not known
#endif
}

c10::ScalarType autocast_of_precision(const std::string& name, c10::Device device) {
  dtype_of_precision(name, device);
  return name == "bf16" ? at::kBFloat16 : name == "fp16" ? at::kHalf : kNoAutocast;
}

Autocast::Autocast(c10::ScalarType type, c10::DeviceType device) : device_(device), before_(of_thread(device)) {
  if (type != before_) set_autocast(device, type);
  if (type != kNoAutocast) at::autocast::set_autocast_cache_enabled(true);
}

Autocast::~Autocast() {
  if (of_thread(device_) != before_) set_autocast(device_, before_);
}

c10::ScalarType Autocast::of_thread(c10::DeviceType device) {
  return at::autocast::is_autocast_enabled(device) ? at::autocast::get_autocast_dtype(device) : kNoAutocast;
}

Precision::Precision(const std::string& name, c10::Device device)
    : is_tf32_(name == "tf32"), autocast_(autocast_of_precision(name, device), device.type()) {
  if (device.is_cpu()) return;
  if (is_tf32_) {
    alone_ = std::unique_lock(float32_mutex());
    allow_tf32(true);
  } else {
    beside_ = std::shared_lock(float32_mutex());
  }
}

Precision::~Precision() {
  if (is_tf32_) allow_tf32(false);
}

}  // namespace lrp
