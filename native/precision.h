#pragma once
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <mutex>
#include <shared_mutex>
#include <string>

namespace lrp {

/// Type of weights and inputs: float64 for fp64, else float32. Throws INVALID_ARGUMENT for another name than fp32,
/// fp64, bf16, fp16, tf32; UNSUPPORTED where the device does not have it.
c10::ScalarType dtype_of_precision(const std::string& name, c10::Device device);
/// Whether the processor multiplies bfloat16 numbers itself; otherwise bf16 is slower than float32.
bool cpu_computes_bf16();

/// What autocast casts to under this precision; Undefined: nothing. Throws as `dtype_of_precision`.
c10::ScalarType autocast_of_precision(const std::string& name, c10::Device device);

/// Autocast of this thread while it lives: matrix products and convolutions in this type; Undefined: none.
class Autocast {
 public:
  Autocast(c10::ScalarType type, c10::DeviceType device);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

  /// What is in force in this thread.
  static c10::ScalarType of_thread(c10::DeviceType device);

 private:
  c10::DeviceType device_;
  c10::ScalarType before_;
};

/// The precision of a thread while it lives. tf32 holds for the whole process: whoever computes in it waits for all
/// others on CUDA, and they for it. Not to be nested.
class Precision {
 public:
  /// Throws as `dtype_of_precision`.
  Precision(const std::string& name, c10::Device device);
  ~Precision();
  Precision(const Precision&) = delete;
  Precision& operator=(const Precision&) = delete;

 private:
  bool is_tf32_;
  std::shared_lock<std::shared_mutex> beside_;
  std::unique_lock<std::shared_mutex> alone_;
  Autocast autocast_;
};

}  // namespace lrp
