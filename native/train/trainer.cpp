#include "trainer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <chrono>
#include <limits>

#include "../error.h"
#include "data/batch_loader.h"
#include "data/order.h"
#include "evaluate.h"
#include "flush_denormals.h"
#include "train_step.h"

namespace lrp {

namespace {

/// Bytes of images that are moved to the device as a whole.
constexpr int64_t kResident = int64_t{1} << 30;
constexpr double kReportEvery = 0.1;  // seconds

Samples resident(const Samples& samples, c10::Device device) {
  if (device.is_cpu() || !samples.images.defined() || static_cast<int64_t>(samples.images.nbytes()) > kResident)
    return samples;
  return {samples.images.to(device), samples.targets.to(device)};
}

/// Threads of one operation on this thread, for as long as it lives.
class Threads {
 public:
  explicit Threads(std::optional<int> count) : before_(at::get_num_threads()) {
    if (count) at::set_num_threads(*count);
  }
  ~Threads() { at::set_num_threads(before_); }

 private:
  int before_;
};

/// Seconds since it was made.
class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

std::map<std::string, Tensor> copies(const std::map<std::string, Tensor>& tensors) {
  std::map<std::string, Tensor> result;
  for (const auto& [name, tensor] : tensors)
    result[name] = tensor.detach().to(at::kCPU, tensor.scalar_type(), false, true);
  return result;
}

class EpochLoop {
 public:
  EpochLoop(const Graph& graph, c10::Device device, const Samples& train, const Samples& valid,
            const TrainOptions& options, const TrainState& state, Collective& collective,
            const TrainCallbacks& callbacks)
      : graph_(graph),
        device_(device),
        train_(resident(train, device)),
        valid_(resident(valid, device)),
        options_(options),
        state_(state),
        collective_(collective),
        callbacks_(callbacks),
        batches_(BatchLoader::count(train.size(), options.batch_size)),
        step_(graph, device, options, batches_, collective) {}

  void recall(const std::map<std::string, Tensor>& remembered) { step_.recall(remembered); }

  TrainResult run() {
    collective_.broadcast(graph_);
    while (state_.epoch < options_.epochs) {
      if (options_.patience > 0 && state_.best.epochs_since >= options_.patience) return {"early-stopped", snapshot()};
      if (!epoch()) return {"cancelled", snapshot()};
    }
    return {"finished", snapshot()};
  }

 private:
  /// False when it was cancelled on the way.
  bool epoch() {
    auto order = options_.balanced ? balanced_order(train_.targets, options_.seed, state_.epoch)
                                   : shuffled_order(train_.size(), options_.seed, state_.epoch);
    Meter meter(device_, has_answers(options_.loss, train_.targets), state_);
    const Stopwatch watch;
    double reported = 0;
    const double seen_before = state_.seen;
    bool finished = true;
    {
      BatchLoader loader(train_, std::move(order), options_.batch_size, state_.batch, collective_);
      while (finished && state_.batch < batches_) {
        finished = !collective_.stops() && step_(loader, train_.targets, state_, meter);
        if (!finished || watch.seconds() - reported < kReportEvery || !callbacks_.on_batch) continue;
        reported = watch.seconds();
        meter.read();
        const auto [loss, accuracy] = meter.score();
        const double speed = (state_.seen - seen_before) / reported;
        callbacks_.on_batch({"batch", state_.epoch + 1, state_.batch, batches_, loss, accuracy, speed});
      }
    }
    meter.read();
    collective_.broadcast(graph_);
    if (!finished) return false;
    step_.check(state_);
    const double seconds = watch.seconds();
    return finish_epoch(meter.score(), seconds, (state_.seen - seen_before) / seconds);
  }

  /// False when it was cancelled while validation waited for images: the epoch then ends when the run continues.
  bool finish_epoch(const Score& train, double seconds, double speed) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    const double rate = step_.rate_factor(state_, state_.step - 1) * options_.groups.at(0).learning_rate;
    const bool validates = valid_.size() > 0;
    Score valid{none, none};
    try {
      if (validates) valid = validate();
    } catch (const Error&) {
      if (collective_.patience().cancelled()) return false;
      throw;
    }
    const Score& judged = validates ? valid : train;
    if (options_.schedule.name == "plateau") state_.plateau.observe(judged.loss, options_.schedule);
    ++state_.epoch;
    // labels that are rare are right at once where all are denied: independent classes are judged by their loss
    const bool by_loss = !holds_classes(train_.targets);
    const bool best = state_.best.observe(state_.epoch, {judged.loss, by_loss ? none : judged.accuracy}, validates);
    state_.batch = 0;
    state_.loss_sum = state_.correct = state_.seen = 0;
    EpochReport report{"epoch", state_.epoch, train.loss, train.accuracy, valid.loss, valid.accuracy,
                       rate,    seconds,      speed,      best,           {}};
    if (!callbacks_.on_epoch) return true;
    report.snapshot = snapshot();
    callbacks_.on_epoch(std::move(report));
    return true;
  }

  /// The score on the validation split, of which every process takes its part.
  Score validate() const {
    const EvaluateOptions evaluation{options_.loss, options_.preprocessing, 2 * options_.batch_size,
                                     options_.precision};
    const CancelToken never;
    const auto sums = evaluate(graph_, device_, valid_, evaluation, valid_.source ? collective_.patience() : never,
                               collective_.part_of({0, valid_.size()}));
    std::vector<double> all{sums.loss, sums.weight, sums.correct};
    collective_.sum(all);
    return {all[0] / all[1], all[2] / static_cast<double>(valid_.size())};
  }

  Snapshot snapshot() const {
    const at::NoGradGuard no_grad;
    return {copies(graph_.tensors()), copies(step_.remembered()), state_};
  }

  const Graph& graph_;
  c10::Device device_;
  const Samples train_, valid_;
  const TrainOptions& options_;
  TrainState state_;
  Collective& collective_;
  const TrainCallbacks& callbacks_;
  const int64_t batches_;
  TrainStep step_;
};

}  // namespace

TrainResult train(const Graph& graph, c10::Device device, const Samples& train, const Samples& valid,
                  const TrainOptions& options, const std::optional<TrainStart>& start,
                  std::shared_ptr<ProcessGroup> group, const TrainCallbacks& callbacks, const CancelToken& cancel) {
  if (train.size() == 0) throw Error("INVALID_ARGUMENT", "the training split has no images");
  if (train.images.defined() && train.images.size(0) != train.size())
    throw Error("INVALID_ARGUMENT", "the number of targets must equal the number of images");
  if (options.groups.empty()) throw Error("INVALID_ARGUMENT", "the model has no parameters to train");
  for (const int64_t count : {options.epochs, options.batch_size, options.accumulate})
    if (count < 1)
      throw Error("INVALID_ARGUMENT", "the options 'epochs', 'batchSize' and 'accumulate' must be at least 1");
  const Threads threads(options.threads);
  const FlushDenormals flush;
  const auto collective = collective_of(std::move(group), cancel);
  EpochLoop loop(graph, device, train, valid, options, start ? start->state : TrainState{}, *collective, callbacks);
  if (start) loop.recall(start->optimizer);
  return loop.run();
}

}  // namespace lrp
