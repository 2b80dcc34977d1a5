#pragma once
#include <stdexcept>
#include <string>

namespace lrp {

/// An error with one of the codes of src/core/errors.ts; becomes a typed LrpError at the JavaScript edge.
class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

/// libtorch's messages end in a stack trace: the first line says what matters.
inline std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// The code of an error of libtorch: DEVICE where memory or CUDA is at fault, else `otherwise`.
inline std::string code_of(const std::string& message, const char* otherwise) {
  for (const char* sign : {"out of memory", "can't allocate memory", "CUDA error", "cuDNN error", "CUBLAS"}) {
    if (message.find(sign) != std::string::npos) return "DEVICE";
  }
  return otherwise;
}

}  // namespace lrp
