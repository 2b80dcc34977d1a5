#pragma once
#include <ATen/ATen.h>

#include <functional>
#include <string>

#include "error.h"

// Units of the C++ side by themselves, run by units.test.ts: UNIT(name) { CHECK(condition); }
namespace units {

struct Registered {
  explicit Registered(void (*unit)());
};
/// Prints one line for a check that fails; the program then ends with status 1.
void check(bool holds, const char* what, const char* file, int line);

inline bool close(const at::Tensor& a, const at::Tensor& b) { return at::allclose(a, b, 1e-5, 1e-6); }

/// The code of the error that `body` throws; empty where it throws none.
inline std::string code_thrown(const std::function<void()>& body) {
  try {
    body();
  } catch (const lrp::Error& error) {
    return error.code();
  }
  return "";
}

}  // namespace units

#define CHECK(condition) units::check(condition, #condition, __FILE__, __LINE__)
#define UNIT(name)                                \
  static void name();                             \
  static const units::Registered of_##name{name}; \
  static void name()
