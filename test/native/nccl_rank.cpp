// One of several processes that add up tensors over an NCCL of the test's choice: RANK SIZE PORT LIBRARY TIMEOUT_MS.
// Prints one JSON line.
#include <ATen/ATen.h>

#include <cstdio>
#include <string>

#include "error.h"
#include "train/distributed/process_group.h"

int main(int, char** arguments) {
  try {
    lrp::Rendezvous where;
    where.rank = std::atoi(arguments[1]);
    where.size = std::atoi(arguments[2]);
    where.address = "127.0.0.1";
    where.port = std::atoi(arguments[3]);
    where.timeout = std::chrono::milliseconds(std::atoi(arguments[5]));
    lrp::ProcessGroup group(where);
    const auto transport = group.prepare(at::kCPU, [&](c10::Device) {
      at::DynamicLibrary library(arguments[4], nullptr, true);
      return lrp::NcclLibrary(library, at::kCPU);
    });
    const double own = where.rank + 1;
    const at::Tensor floats = at::full({2, 3}, own, at::kFloat), doubles = at::full({2}, own * 10, at::kDouble);
    group.sum({floats, floats.clone(), doubles});
    const at::Tensor first = at::full({3}, own, at::kFloat);
    group.broadcast({first});
    std::printf("{\"transport\": \"%s\", \"floats\": %g, \"doubles\": %g, \"first\": %g}\n", transport.c_str(),
                floats.sum().item<double>(), doubles.sum().item<double>(), first.sum().item<double>());
    return 0;
  } catch (const lrp::Error& error) {
    std::printf("{\"code\": \"%s\", \"message\": \"%s\"}\n", error.code().c_str(), error.what());
    return 1;
  }
}
