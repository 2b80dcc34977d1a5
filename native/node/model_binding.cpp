#include "model_binding.h"

#include <ATen/ATen.h>

#include "../attribution/replacement.h"
#include "../device.h"
#include "../error.h"
#include "../perturbation/changes.h"
#include "../side_by_side.h"
#include "async.h"
#include "attribute_binding.h"
#include "graph_fields.h"
#include "pass_thread.h"
#include "train_binding.h"
#include "values.h"

namespace lrp {

constexpr auto fields(const Replacement*) {
  return std::make_tuple(node::field("layer", &Replacement::layer), node::field("channels", &Replacement::channels),
                         node::field("values", &Replacement::values));
}

constexpr auto fields(const Changes*) {
  return std::make_tuple(node::field("images", &Changes::images), node::field("owners", &Changes::owners),
                         node::field("ends", &Changes::ends), node::field("places", &Changes::places),
                         node::field("values", &Changes::values), node::field("inputs", &Changes::inputs));
}

constexpr auto fields(const ChangesOptions*) {
  return std::make_tuple(node::field("batchSize", &ChangesOptions::batch_size),
                         node::field("fixedBatch", &ChangesOptions::fixed_batch));
}

}  // namespace lrp

namespace lrp::node {

namespace {

struct ForwardOptions {
  std::optional<std::map<std::string, Tensor>> inputs;  // rows of the further inputs
  int64_t batch_size;
  std::vector<std::string> layers;
  std::vector<Replacement> replace;
  bool as_written;   // the network of the file, not the folded one that is explained
  bool fixed_batch;  // the network takes no other number of images
};

constexpr auto fields(const ForwardOptions*) {
  return std::make_tuple(field("inputs", &ForwardOptions::inputs), field("batchSize", &ForwardOptions::batch_size),
                         field("layers", &ForwardOptions::layers), field("replace", &ForwardOptions::replace),
                         field("asWritten", &ForwardOptions::as_written),
                         field("fixedBatch", &ForwardOptions::fixed_batch));
}

ForwardOptions own(ForwardOptions options) {
  if (options.inputs) options.inputs = copies(*options.inputs);
  return options;
}

struct ForwardResult {
  Tensor output;
  std::map<std::string, Tensor> layers;
};

constexpr auto fields(const ForwardResult*) {
  return std::make_tuple(field_as<AsFloat>("output", &ForwardResult::output),
                         field_as<AsFloats>("layers", &ForwardResult::layers));
}

/// The network with the rows of the images from `first` on; inputs of one row have it for every image.
Graph with_rows(const Model& model, const Graph& graph, std::map<std::string, Tensor> inputs, int64_t first,
                int64_t images) {
  for (auto& [name, rows] : inputs) {
    if (rows.dim() > 0 && rows.size(0) > 1) rows = rows.slice(0, first, first + images);
  }
  return graph.with_inputs(model.prepare(inputs));
}

/// What several images in a row give.
struct PartOfForward {
  Tensor output;
  std::map<std::string, Tensor> layers;
};

/// Runs images `first` to `last`.
PartOfForward forward_some(const Model& model, const Graph& graph, const Tensor& input, const ForwardOptions& options,
                           const Replacements& replacements, int64_t first, int64_t last) {
  const at::NoGradGuard no_grad;
  const Precision precision = model.precision();
  const Tensor x = model.prepare(input.slice(0, first, last));
  std::map<int, std::vector<std::string>> wanted;
  for (const auto& layer : options.layers) wanted[graph.source(graph.index(layer))].push_back(layer);
  std::optional<Graph> given;
  if (options.inputs) given = with_rows(model, graph, *options.inputs, first, x.size(0));
  PartOfForward part;
  part.output = (given ? *given : graph)
                    .run(x,
                         [&](size_t i, const Node& node, const std::vector<Tensor>& inputs, const Pass& pass) {
                           const bool overwrites = graph.relu_may_overwrite(i) && wanted.count(node.inputs[0]) == 0;
                           Tensor result = overwrites ? Tensor(inputs[0]).relu_() : node.op->forward(inputs, pass);
                           if (replacements.concerns(i)) result = replacements.apply(i, result, first, x.size(0));
                           const auto found = wanted.find(static_cast<int>(i));
                           if (found == wanted.end()) return result;
                           for (const auto& name : found->second) part.layers[name] = result.cpu();
                           return result;
                         })
                    .cpu();
  return part;
}

/// Forward in batches, so that a large input needs no more memory than one batch of activations.
ForwardResult run_forward(const Model& model, const Tensor& input, const ForwardOptions& options,
                          const CancelToken& cancel) {
  if (options.batch_size < 1) throw Error("INVALID_ARGUMENT", "option 'batchSize' must be 1 or more");
  const at::NoGradGuard no_grad;
  const auto folded = options.as_written ? nullptr : model.explained();
  const Graph& graph = folded ? *folded : model.graph();
  const Replacements replacements(graph, options.replace);
  std::vector<PartOfForward> parts;
  // the first axis of a layer need not be the images'
  const bool together = options.fixed_batch || !options.layers.empty();
  const int64_t images = input.dim() == 0 ? 1 : input.size(0);
  for (int64_t first = 0; first == 0 || first < images; first += options.batch_size) {
    cancel.check();
    const int64_t count = std::min(options.batch_size, images - first);
    const int64_t passes = together ? 1 : model.passes_for(count);
    const size_t done = parts.size();
    parts.resize(done + static_cast<size_t>(passes));
    run_side_by_side(passes, [&](int64_t i) {
      parts[done + static_cast<size_t>(i)] =
          forward_some(model, graph, input, options, replacements, first + first_of_pass(i, passes, count),
                       first + first_of_pass(i + 1, passes, count));
    });
  }
  const auto joined = [&](const auto& of) {
    std::vector<Tensor> tensors;
    for (const PartOfForward& part : parts) tensors.push_back(of(part));
    // one pass may give one number for all its images, which has no axis to join along
    return tensors.size() == 1 ? tensors[0] : at::cat(tensors);
  };
  ForwardResult result{joined([](const auto& part) { return part.output; }), {}};
  for (const auto& [name, tensor] : parts[0].layers) {
    result.layers[name] = joined([&name = name](const auto& part) { return part.layers.at(name); });
  }
  return result;
}

/// JavaScript's handle to a model; `owner` is what holds the weights' memory.
Napi::Value handle_of(Napi::Env env, std::shared_ptr<Model> model, Napi::Value owner) {
  const auto external = Napi::External<std::shared_ptr<Model>>::New(env, &model);
  return env.GetInstanceData<AddonData>()->model_class.New({external, owner});
}

}  // namespace

Napi::Function ModelHandle::define(Napi::Env env) {
  return DefineClass(
      env, "Model",
      {StaticMethod<&ModelHandle::create>("create"), InstanceMethod<&ModelHandle::with_graph>("withGraph"),
       InstanceMethod<&ModelHandle::forward>("forward"), InstanceMethod<&ModelHandle::folded>("folded"),
       InstanceMethod<&ModelHandle::forward_changes>("forwardChanges"),
       InstanceMethod<&ModelHandle::passes_for>("passesFor"), InstanceMethod<&ModelHandle::attribute>("attribute"),
       InstanceMethod<&ModelHandle::train>("train"), InstanceMethod<&ModelHandle::tensors>("tensors"),
       InstanceMethod<&ModelHandle::dispose>("dispose"), InstanceAccessor<&ModelHandle::device>("device")});
}

ModelHandle::ModelHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ModelHandle>(info) {
  if (info.Length() != 2 || !info[0].IsExternal()) {
    throw to_error(info.Env(), "INVALID_ARGUMENT", "a model is created by Model.create, not by its constructor");
  }
  model_ = *info[0].As<Napi::External<std::shared_ptr<Model>>>().Data();
  weights_ = Napi::Persistent(info[1].As<Napi::Object>());
}

std::shared_ptr<Model> ModelHandle::model() const {
  if (!model_) throw Error("DISPOSED", "the model was disposed of and can no longer be used");
  return model_;
}

Napi::Value ModelHandle::weights_owner(Napi::Env env) const {
  return weights_.IsEmpty() ? env.Undefined() : weights_.Value();
}

Napi::Value ModelHandle::create(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    auto spec = std::make_shared<GraphSpec>(read<GraphSpec>(info[0], "the graph"));
    using Tensors = std::map<std::string, Tensor>;
    auto tensors = std::make_shared<Tensors>(read<Tensors>(info[1], "the tensors"));
    const auto device = read<std::string>(info[2], "the device"),
               precision = read<std::string>(info[3], "the precision");
    auto owner = std::make_shared<Napi::ObjectReference>(Napi::Persistent(info[1].As<Napi::Object>()));
    return run_async(env, {info[1]}, [spec, tensors, device, precision, owner]() -> Finish {
      auto model = std::make_shared<Model>(*spec, std::move(*tensors), device, precision);
      return [model, owner](Napi::Env env) { return handle_of(env, model, owner->Value()); };
    });
  });
}

Napi::Value ModelHandle::with_graph(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    auto spec = std::make_shared<GraphSpec>(read<GraphSpec>(info[0], "the graph"));
    auto owner = std::make_shared<Napi::ObjectReference>(Napi::Persistent(weights_owner(env).As<Napi::Object>()));
    return run_async(env, {weights_owner(env)}, [spec, other = model(), owner]() -> Finish {
      auto model = std::make_shared<Model>(*other, *spec);
      return [model, owner](Napi::Env env) { return handle_of(env, model, owner->Value()); };
    });
  });
}

Napi::Value ModelHandle::forward(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    return run_pass(info.Env(), {info[0], info[1], weights_owner(info.Env())},
                    [model = model(), input = tensor_copy(info[0], "the input"),
                     options = own(read<ForwardOptions>(info[1], "the options")),
                     cancel = CancelHandle::token_of(info[1].As<Napi::Object>())]() -> Finish {
                      const std::shared_lock<std::shared_mutex> lock(model->weights_mutex());
                      const auto result = run_forward(*model, input, options, *cancel);
                      return [result](Napi::Env env) { return write(env, result); };
                    });
  });
}

Napi::Value ModelHandle::folded(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    return run_async(info.Env(), {weights_owner(info.Env())}, [model = model()]() -> Finish {
      const std::shared_lock<std::shared_mutex> lock(model->weights_mutex());
      std::vector<std::string> names;
      for (const Node& node : model->explained()->nodes()) {
        if (node.replaced_by) names.push_back(node.name);
      }
      return [names](Napi::Env env) { return write(env, names); };
    });
  });
}

Napi::Value ModelHandle::forward_changes(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    return run_pass(info.Env(), {info[0], weights_owner(info.Env())},
                    [model = model(), changes = read<Changes>(info[0], "the changes"),
                     options = read<ChangesOptions>(info[1], "the options"),
                     cancel = CancelHandle::token_of(info[1].As<Napi::Object>())]() -> Finish {
                      const std::shared_lock<std::shared_mutex> lock(model->weights_mutex());
                      const Tensor output = run_changes(*model, changes, options, *cancel);
                      return [output](Napi::Env env) { return AsFloat::write(env, output); };
                    });
  });
}

Napi::Value ModelHandle::passes_for(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto images = read<int64_t>(info[0], "the number of images");
    return write(info.Env(), model()->passes_for(images));
  });
}

Napi::Value ModelHandle::attribute(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    return attribute_async(info.Env(), model(), weights_owner(info.Env()), info[0], info[1].As<Napi::Object>(), false);
  });
}

Napi::Value ModelHandle::attribute_plain(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const ModelHandle* handle = Unwrap(info[0].As<Napi::Object>());
    return attribute_async(info.Env(), handle->model(), handle->weights_owner(info.Env()), info[1],
                           info[2].As<Napi::Object>(), true);
  });
}

Napi::Value ModelHandle::train(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value { return train_async(info, model(), weights_owner(info.Env())); });
}

Napi::Value ModelHandle::tensors(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto model = this->model();
    auto own = std::make_shared<std::map<std::string, Napi::Reference<Napi::Uint8Array>>>();
    if (!read<bool>(info[0], "whether to copy")) *own = arrays_in_use();
    return run_async(info.Env(), {weights_owner(info.Env())}, [model, own]() -> Finish {
      const std::shared_lock<std::shared_mutex> lock(model->weights_mutex());
      std::map<std::string, Tensor> copies;
      for (const auto& [name, tensor] : model->graph().tensors()) {
        const bool copied = own->count(name) == 0;
        copies[name] = copied ? tensor.detach().to(at::kCPU, tensor.scalar_type(), false, true) : tensor;
      }
      return [copies, own](Napi::Env env) -> Napi::Value {
        auto weights = Napi::Object::New(env);
        for (const auto& [name, tensor] : copies) {
          const auto found = own->find(name);
          if (found == own->end()) {
            weights[name] = raw_tensor(env, tensor);
          } else {
            const Napi::Uint8Array bytes = found->second.Value();
            weights[name] = raw_tensor(env, tensor, bytes.ArrayBuffer(), bytes.ByteOffset());
          }
        }
        return weights;
      };
    });
  });
}

std::map<std::string, Napi::Reference<Napi::Uint8Array>> ModelHandle::arrays_in_use() const {
  std::map<std::string, Napi::Reference<Napi::Uint8Array>> arrays;
  for (const auto& [name, tensor] : model()->graph().tensors()) {
    const Napi::Value given = weights_.Value().Get(name);
    if (!tensor.is_cpu() || !given.IsObject()) continue;
    const auto bytes = given.As<Napi::Object>().Get("data");
    if (!bytes.IsTypedArray() || bytes.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) continue;
    auto array = bytes.As<Napi::Uint8Array>();
    if (array.Data() == tensor.const_data_ptr()) arrays[name] = Napi::Persistent(array);
  }
  return arrays;
}

Napi::Value ModelHandle::device(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value { return Napi::String::New(info.Env(), model()->device().str()); });
}

Napi::Value ModelHandle::dispose(const Napi::CallbackInfo& info) {
  model_.reset();
  weights_.Reset();
  return info.Env().Undefined();
}

}  // namespace lrp::node
