#pragma once
#include <ATen/ATen.h>

#include <functional>
#include <string>

#include "../doctest/doctest.h"
#include "error.h"

namespace units {

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
