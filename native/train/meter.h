#pragma once
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>

#include "evaluate.h"
#include "loss.h"
#include "position.h"

namespace lrp {

/// Sums of an epoch. On the CPU numbers; on a GPU a tensor that is read now and then.
class Meter {
 public:
  Meter(c10::Device device, bool classes, Position& position)
      : classes_(classes), position_(position), cpu_(device.is_cpu()) {
    pending_ = at::zeros({2}, at::device(device).dtype(at::kDouble));
  }

  /// True when the sums were read and can be looked at.
  bool add(const Tensor& loss, const Tensor& output, const Tensor& targets) {
    const at::NoGradGuard no_grad;
    const auto n = static_cast<double>(output.size(0));
    position_.seen += n;
    if (cpu_) {
      position_.loss_sum += loss.item<double>() * n;
      if (classes_) position_.correct += correct_of(output, targets).item<double>();
      return true;
    }
    pending_.select(0, 0).add_(loss.detach(), n);
    if (classes_) pending_.select(0, 1).add_(correct_of(output, targets));
    return ++unread_ >= kReadEvery && read();
  }

  bool read() {
    unread_ = 0;
    if (cpu_) return true;
    const Tensor sums = pending_.cpu();
    position_.loss_sum += sums.data_ptr<double>()[0];
    position_.correct += sums.data_ptr<double>()[1];
    pending_.zero_();
    return true;
  }

  /// Sums that were gathered elsewhere: by all processes of a group.
  void add(double loss_sum, double correct, int64_t images) {
    position_.loss_sum += loss_sum;
    position_.correct += correct;
    position_.seen += static_cast<double>(images);
  }

  Score score() const {
    const double n = std::max(1.0, position_.seen);
    return {position_.loss_sum / n, classes_ ? position_.correct / n : std::numeric_limits<double>::quiet_NaN()};
  }

 private:
  /// On a GPU the loss is only read every so many batches, so that the device is not waited for.
  static constexpr int64_t kReadEvery = 50;

  bool classes_;
  Position& position_;
  bool cpu_;
  Tensor pending_;
  int64_t unread_ = 0;
};

}  // namespace lrp
