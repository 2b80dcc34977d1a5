#include "image_stream.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "async.h"
#include "fields.h"
#include "reporter.h"

namespace lrp::node {

namespace {

/// A batch on its way from JavaScript to the training thread.
struct PendingBatch {
  std::mutex mutex;
  std::condition_variable arrived;
  std::optional<Tensor> images;
  std::optional<Error> failure;
};

class JavaScriptImages : public ImageSource {
 public:
  JavaScriptImages(Napi::Env env, const Napi::Function& read, std::shared_ptr<CancelToken> cancel)
      : reader_(env, read, std::move(cancel)) {}

  void request(std::vector<int64_t> indices) override {
    auto batch = std::make_shared<PendingBatch>();
    batches_.push_back(batch);
    reader_.send([batch, indices = std::move(indices)](Napi::Env env) {
      auto numbers = Napi::Float64Array::New(env, indices.size());
      for (size_t i = 0; i < indices.size(); ++i) numbers[i] = static_cast<double>(indices[i]);
      auto object = Napi::Object::New(env);
      object["indices"] = numbers;
      object["done"] = Napi::Function::New(env, [batch](const Napi::CallbackInfo& info) {
        guarded(info.Env(), [&]() -> Napi::Value {
          const Tensor images = tensor_copy(info[0], "the images");
          const std::lock_guard<std::mutex> lock(batch->mutex);
          batch->images = images;
          batch->arrived.notify_one();
          return info.Env().Undefined();
        });
      });
      object["failed"] = Napi::Function::New(env, [batch](const Napi::CallbackInfo& info) {
        const std::lock_guard<std::mutex> lock(batch->mutex);
        batch->failure = Error(info[0].ToString(), info[1].ToString().Utf8Value());
        batch->arrived.notify_one();
      });
      return object;
    });
  }

  Tensor take(const CancelToken& cancel) override {
    const auto batch = batches_.front();
    batches_.pop_front();
    std::unique_lock<std::mutex> lock(batch->mutex);
    const auto here = [&] { return batch->images || batch->failure; };
    // a cancelled run waits for nothing: JavaScript's thread may be waiting for it
    while (!batch->arrived.wait_for(lock, std::chrono::milliseconds(50), here)) {
      cancel.check();
      if (!reader_.open()) throw Error("ABORTED", "JavaScript ended while images were read");
    }
    if (batch->failure) throw Error(*batch->failure);
    return *batch->images;
  }

  void clear() override { batches_.clear(); }

 private:
  Reporter reader_;
  std::deque<std::shared_ptr<PendingBatch>> batches_;
};

}  // namespace

Samples samples_from(const Napi::Value& value, const std::string& what, std::shared_ptr<CancelToken> cancel) {
  if (is_missing(value)) return {};
  const auto split = value.As<Napi::Object>();
  const Tensor labels = read<Tensor>(split.Get("labels"), Path(what, "labels"));
  const auto images = read<std::optional<Tensor>>(split.Get("images"), Path(what, "images"));
  Samples samples{images.value_or(Tensor()), labels.is_floating_point() ? labels : labels.to(at::kLong)};
  if (images || samples.size() == 0) return samples;
  const Napi::Value read_images = split.Get("read");
  if (!read_images.IsFunction()) refuse(Path(what, "read"), read_images, "a function");
  samples.source = std::make_shared<JavaScriptImages>(value.Env(), read_images.As<Napi::Function>(), std::move(cancel));
  return samples;
}

}  // namespace lrp::node
