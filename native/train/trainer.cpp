#include "trainer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "../error.h"
#include "flush_denormals.h"
#include "forward.h"
#include "meter.h"
#include "order.h"
#include "precision.h"
#include "sharing.h"

namespace lrp {

namespace {

using Clock = std::chrono::steady_clock;

/// Bytes of images that are moved to the device as a whole.
constexpr int64_t kResident = int64_t{1} << 30;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

Samples resident(const Samples& samples, c10::Device device) {
  if (device.is_cpu() || !samples.images.defined() || static_cast<int64_t>(samples.images.nbytes()) > kResident)
    return samples;
  return {samples.images.to(device), samples.targets.to(device)};
}

/// Makes tensors leaves that autograd follows, for as long as it lives.
class Differentiable {
 public:
  explicit Differentiable(std::vector<Tensor> tensors) : tensors_(std::move(tensors)) {
    for (auto& tensor : tensors_) tensor.set_requires_grad(true);
  }
  ~Differentiable() {
    for (auto& tensor : tensors_) tensor.set_requires_grad(false);
  }

 private:
  std::vector<Tensor> tensors_;
};

/// Threads of one operation, on this thread and for as long as it lives; 0 leaves them as they are.
class Threads {
 public:
  explicit Threads(int count) : before_(at::get_num_threads()) {
    if (count > 0) at::set_num_threads(count);
  }
  ~Threads() { at::set_num_threads(before_); }

 private:
  int before_;
};

class Run {
 public:
  Run(const Graph& graph, c10::Device device, const Samples& train, const Samples& valid, const TrainOptions& options,
      Position position, const TrainCallbacks& callbacks, const CancelToken& cancel)
      : graph_(graph),
        device_(device),
        train_(resident(train, device)),
        valid_(resident(valid, device)),
        options_(options),
        position_(std::move(position)),
        callbacks_(callbacks),
        cancel_(cancel),
        optimizer_(options.optimizer, groups_of(graph, options)),
        parameters_(optimizer_.parameters()),
        scaler_(options.precision == "fp16", device),
        forward_(graph, device, options.seed, names_of(options)),
        sharing_(options.group) {
    if (options_.loss.class_weights.defined()) {
      options_.loss.class_weights = options_.loss.class_weights.to(device, at::kFloat);
    }
    batches_ = (train_.size() + options.batch_size - 1) / options.batch_size;
    if (batches_ > 1 && train_.size() % options.batch_size == 1) --batches_;  // one image alone breaks batch norms
  }

  TrainResult run() {
    sharing_.spread(graph_);
    const Differentiable follow(parameters_);
    while (position_.epoch < options_.epochs) {
      if (options_.patience > 0 && position_.epochs_since_best >= options_.patience) return result("early-stopped");
      if (!epoch()) return result("cancelled");
    }
    return result("finished");
  }

  /// `state`: what the optimizer and the scaler remember, by the names of `snapshot` without "optimizer/".
  void load(const std::map<std::string, Tensor>& state) {
    if (state.empty()) return;
    const at::NoGradGuard no_grad;
    optimizer_.load(state);
    if (state.count("scaler/scale") > 0 && scaler_.scale().defined()) {
      scaler_.scale().copy_(state.at("scaler/scale"));
      scaler_.growth().copy_(state.at("scaler/growth"));
    }
  }

 private:
  static std::set<std::string> names_of(const TrainOptions& options) {
    std::set<std::string> names;
    for (const auto& group : options.groups) names.insert(group.names.begin(), group.names.end());
    return names;
  }

  static std::vector<ParameterGroup> groups_of(const Graph& graph, const TrainOptions& options) {
    std::vector<ParameterGroup> groups = options.groups;
    for (auto& group : groups) {
      for (const auto& name : group.names) {
        const auto found = graph.tensors().find(name);
        if (found == graph.tensors().end()) throw Error("NOT_FOUND", "the model has no parameter '" + name + "'");
        group.parameters.push_back(found->second);
      }
    }
    return groups;
  }

  std::map<std::string, Tensor> snapshot() const {
    const at::NoGradGuard no_grad;
    std::map<std::string, Tensor> state;
    const auto copy = [](const Tensor& t) { return t.detach().to(at::kCPU, t.scalar_type(), false, true); };
    for (const auto& [name, tensor] : graph_.tensors()) state["weights/" + name] = copy(tensor);
    for (const auto& [name, tensor] : optimizer_.state()) state["optimizer/" + name] = copy(tensor);
    if (scaler_.scale().defined()) {
      state["optimizer/scaler/scale"] = copy(scaler_.scale());
      state["optimizer/scaler/growth"] = copy(scaler_.growth());
    }
    return state;
  }

  TrainResult result(const std::string& reason) const { return {reason, position_, snapshot()}; }

  /// False when it was cancelled on the way.
  bool epoch() {
    const auto order = options_.balanced ? balanced_order(train_.targets, options_.seed, position_.epoch)
                                         : shuffled_order(train_.size(), options_.seed, position_.epoch);
    Meter meter(device_, holds_classes(train_.targets), position_);
    const auto start = Clock::now();
    auto reported = start;
    const double seen_before = position_.seen;
    std::optional<ReadAhead> ahead;
    if (train_.source) {
      std::vector<std::vector<int64_t>> batches;
      for (int64_t number = position_.batch; number < batches_; ++number) {
        const auto [from, to] = sharing_.share(range_of(order, number));
        batches.emplace_back(order.begin() + from, order.begin() + to);
      }
      ahead.emplace(*train_.source, std::move(batches));
    }
    while (position_.batch < batches_) {
      const bool stop = sharing_.alone() ? cancel_.cancelled() : stopped_;
      if (stop || !step(order, ahead ? &*ahead : nullptr, meter)) {
        meter.read();
        sharing_.spread(graph_);
        return false;
      }
      if (seconds_since(reported) < 0.1 || !callbacks_.on_progress) continue;
      reported = Clock::now();
      meter.read();
      const double speed = (position_.seen - seen_before) / seconds_since(start);
      callbacks_.on_progress({position_.epoch, position_.batch, batches_, meter.score(), speed});
    }
    ahead.reset();
    meter.read();
    sharing_.spread(graph_);
    check(meter.score().loss);
    return finish_epoch(meter.score(), seconds_since(start), (position_.seen - seen_before) / seconds_since(start));
  }

  /// Places in the epoch's order of a batch's images.
  std::pair<int64_t, int64_t> range_of(const std::vector<int64_t>& order, int64_t number) const {
    const int64_t from = number * options_.batch_size;
    return {from, std::min(from + options_.batch_size, static_cast<int64_t>(order.size()))};
  }

  static Tensor places(const std::vector<int64_t>& order, std::pair<int64_t, int64_t> range) {
    return at::from_blob(const_cast<int64_t*>(order.data()) + range.first, {range.second - range.first},
                         at::dtype(at::kLong));
  }

  Samples batch(const std::vector<int64_t>& order, int64_t number, ReadAhead* ahead) const {
    const Tensor index = places(order, sharing_.share(range_of(order, number)));
    if (ahead) return {ahead->next(patience()).to(device_), train_.targets.index_select(0, index).to(device_)};
    const Tensor here = index.to(train_.images.device(), true);
    return {train_.images.index_select(0, here).to(device_), train_.targets.index_select(0, here).to(device_)};
  }

  /// Forward and backward of the batches of one optimizer step, and the step. False when its images were not waited
  /// for.
  bool step(const std::vector<int64_t>& order, ReadAhead* ahead, Meter& meter) {
    std::vector<Tensor> gradients;
    int64_t images = 0;
    const int64_t first = position_.batch, last = std::min(first + options_.accumulate, batches_);
    const auto parts = static_cast<double>(last - first);
    std::vector<Samples> read;
    try {
      for (int64_t number = first; ahead && number < last; ++number) read.push_back(batch(order, number, ahead));
    } catch (const Error&) {
      if (cancel_.cancelled()) return false;
      throw;
    }
    for (; position_.batch < last; ++position_.batch) {
      const Samples samples =
          ahead ? read[static_cast<size_t>(position_.batch - first)] : batch(order, position_.batch, nullptr);
      const auto [from, to] = range_of(order, position_.batch);
      images += to - from;
      const double weight = sharing_.alone() ? 1 : weight_of(samples.targets, places(order, {from, to}));
      if (weight == 0) continue;
      const Tensor x = last_input_ = prepared(samples.images, order);
      const auto [output, loss] = forward(x, samples.targets);
      if (!sharing_.alone()) {
        const double correct = holds_classes(train_.targets) ? correct_of(output, samples.targets).item<double>() : 0;
        sharing_.count(loss.item<double>() * weight * static_cast<double>(to - from), correct);
      } else if (meter.add(loss, output, samples.targets)) {
        check(position_.loss_sum);
      }
      const Tensor scaled = scaler_.scaled(parts == weight ? loss : loss / (parts / weight));
      auto more = torch::autograd::grad({scaled}, parameters_, {}, c10::nullopt, false, true);
      if (gradients.empty()) {
        gradients = std::move(more);
      } else {
        for (size_t i = 0; i < more.size(); ++i) {
          if (more[i].defined()) gradients[i] = gradients[i].defined() ? gradients[i].add_(more[i]) : more[i];
        }
      }
    }
    gradients.resize(parameters_.size());
    for (size_t i = 0; i < gradients.size(); ++i) {
      // Convolutions give them in the order of their input; the optimizers' kernels read both from first to last.
      gradients[i] = gradients[i].defined() ? gradients[i].contiguous() : at::zeros_like(parameters_[i]);
    }
    if (!sharing_.alone()) {
      const auto sums = sharing_.step(gradients, cancel_.cancelled());
      stopped_ = sums.stopped;
      meter.add(sums.loss_sum, sums.correct, images);
      check(sums.loss_sum);
    }
    const double factor = rate_factor(position_.step);
    const Tensor overflow = scaler_.unscale(gradients);
    clip(gradients);
    optimizer_.step(gradients, factor, overflow);
    ++position_.step;
    return true;
  }

  double rate_factor(int64_t step) const { return schedule_factor(options_.schedule, step) * position_.plateau.factor; }

  /// What ends a wait for images: within a group nothing, the others would be left waiting.
  const CancelToken& patience() const { return sharing_.alone() ? cancel_ : never_; }

  double weight_of(const Tensor& own, const Tensor& whole) const {
    return sharing_.weight(options_.loss, own, train_.targets.index_select(0, whole.to(train_.targets.device())));
  }

  Tensor prepared(const Tensor& images, const std::vector<int64_t>& order) const {
    const at::NoGradGuard no_grad;
    if (!options_.augments) return prepare_images(images, options_.preprocessing, nullptr, 0, {});
    std::vector<int64_t> keys;
    const auto all = static_cast<int64_t>(order.size());
    for (int64_t i = 0; i < images.size(0); ++i) {
      keys.push_back(position_.epoch * all + sharing_.share(range_of(order, position_.batch)).first + i);
    }
    return prepare_images(images, options_.preprocessing, &options_.augment, options_.seed, keys);
  }

  std::pair<Tensor, Tensor> forward(const Tensor& x, const Tensor& targets) {
    const Precision precision(options_.precision, device_);
    const Tensor output = forward_(x, sharing_.draw(position_.epoch * batches_ + position_.batch));
    return {output, loss_of(options_.loss, output, targets)};
  }

  void check(double loss) const {
    if (std::isfinite(loss)) return;
    const std::string where = "the loss is not finite at step " + std::to_string(position_.step + 1) + " (epoch " +
                              std::to_string(position_.epoch + 1) + ")";
    const std::string fault = find_fault(graph_, last_input_);
    throw Error("NUMERIC", where + ": " + fault + "; try a smaller learning rate or gradient clipping");
  }

  void clip(std::vector<Tensor>& gradients) const {
    if (options_.gradient_clip <= 0) return;
    const at::NoGradGuard no_grad;
    const Tensor norm = at::stack(at::_foreach_norm(gradients, 2)).norm();
    const Tensor share = norm.add(1e-6).reciprocal().mul(options_.gradient_clip).clamp_max(1);
    at::_foreach_mul_(gradients, share);
  }

  /// False when it was cancelled while validation waited for images: the epoch then ends when the run goes on.
  bool finish_epoch(const Score& train, double seconds, double speed) {
    const double rate = rate_factor(position_.step - 1) * options_.groups.at(0).learning_rate;
    EpochReport report{position_.epoch + 1, train, {}, valid_.size() > 0, false, rate, seconds, speed, {}, {}};
    if (report.validated) {
      const EvaluateOptions evaluation{options_.loss, options_.preprocessing, 2 * options_.batch_size,
                                       options_.precision};
      try {
        report.valid = validate(evaluation);
      } catch (const Error&) {
        if (cancel_.cancelled()) return false;
        throw;
      }
    }
    const Score& judged = report.validated ? report.valid : train;
    if (options_.schedule.name == "plateau") position_.plateau.observe(judged.loss, options_.schedule);
    report.best = is_best(judged, report.validated);
    if (report.best) {
      position_.best_loss = judged.loss;
      position_.best_accuracy = judged.accuracy;
      position_.best_epoch = report.epoch;
      position_.epochs_since_best = 0;
    } else {
      ++position_.epochs_since_best;
    }
    ++position_.epoch;
    position_.batch = 0;
    position_.loss_sum = position_.correct = position_.seen = 0;
    report.position = position_;
    report.state = snapshot();
    if (callbacks_.on_epoch) callbacks_.on_epoch(std::move(report));
    return true;
  }

  /// The score on the validation split, of which every process of a group takes its share.
  Score validate(const EvaluateOptions& options) const {
    const auto on = [&](std::pair<int64_t, int64_t> range) {
      return evaluate(graph_, device_, valid_, options, valid_.source ? patience() : never_, range);
    };
    const auto [from, to] = sharing_.share({0, valid_.size()});
    if (sharing_.alone()) return on({from, to});
    std::vector<double> sums{0, 0, 0};
    if (from < to) {
      const Score score = on({from, to});
      const double weight = loss_weight(options.loss, valid_.targets.narrow(0, from, to - from));
      sums = {score.loss * weight, weight, score.accuracy * static_cast<double>(to - from)};
    }
    sharing_.sum(sums);
    return {sums[0] / sums[1], sums[2] / static_cast<double>(valid_.size())};
  }

  /// Highest accuracy, then lowest loss, on the validation split; without one the latest.
  bool is_best(const Score& score, bool validated) const {
    if (!validated) return true;
    if (std::isnan(score.accuracy) || score.accuracy == position_.best_accuracy)
      return score.loss < position_.best_loss;
    return score.accuracy > position_.best_accuracy;
  }

  const Graph& graph_;
  c10::Device device_;
  Samples train_, valid_;
  TrainOptions options_;
  Position position_;
  const TrainCallbacks& callbacks_;
  const CancelToken& cancel_;
  Optimizer optimizer_;
  std::vector<Tensor> parameters_;
  GradientScaler scaler_;
  TrainingForward forward_;
  Sharing sharing_;
  int64_t batches_ = 0;
  bool stopped_ = false;  // by some process of the group
  Tensor last_input_;     // of the last batch: what a loss that is not finite is looked for with
  const CancelToken never_;
};

}  // namespace

TrainResult train(const Graph& graph, c10::Device device, const Samples& train, const Samples& valid,
                  const TrainOptions& options, Position position, const std::map<std::string, Tensor>& state,
                  const TrainCallbacks& callbacks, const CancelToken& cancel) {
  if (train.size() == 0) throw Error("INVALID_ARGUMENT", "the training split has no images");
  if (train.images.defined() && train.images.size(0) != train.size())
    throw Error("INVALID_ARGUMENT", "there are not as many targets as images");
  if (options.groups.empty()) throw Error("INVALID_ARGUMENT", "there are no parameters to train");
  const Threads count(options.threads);
  const FlushDenormals flush;
  Run run(graph, device, train, valid, options, std::move(position), callbacks, cancel);
  run.load(state);
  return run.run();
}

}  // namespace lrp
