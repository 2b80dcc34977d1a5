#include "meter.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lrp {

namespace {

/// Steps on a GPU between two looks at the sums.
constexpr int64_t kReadEvery = 50;

}  // namespace

Meter::Meter(c10::Device device, bool classes, TrainState& state)
    : classes_(classes), state_(state), pending_(at::zeros({2}, at::device(device).dtype(at::kDouble))) {}

void Meter::add(const Tensor& loss, const Tensor& correct, double weight) {
  const at::NoGradGuard no_grad;
  if (pending_.is_cpu()) {
    auto* sums = pending_.mutable_data_ptr<double>();
    sums[0] += loss.item<double>() * weight;
    if (correct.defined()) sums[1] += correct.item<double>();
    return;
  }
  pending_.select(0, 0).add_(loss.detach(), weight);
  if (correct.defined()) pending_.select(0, 1).add_(correct);
}

bool Meter::finite() const { return !pending_.is_cpu() || std::isfinite(pending_.const_data_ptr<double>()[0]); }

bool Meter::settle(int64_t images, bool of_all) {
  state_.seen += static_cast<double>(images);
  if (!of_all && !pending_.is_cpu() && ++unread_ < kReadEvery) return false;
  read();
  return true;
}

void Meter::read() {
  unread_ = 0;
  const Tensor sums = pending_.cpu();
  state_.loss_sum += sums.const_data_ptr<double>()[0];
  state_.correct += sums.const_data_ptr<double>()[1];
  pending_.zero_();
}

Score Meter::score() const {
  const double n = std::max(1.0, state_.seen);
  return {state_.loss_sum / n, classes_ ? state_.correct / n : std::numeric_limits<double>::quiet_NaN()};
}

}  // namespace lrp
