#include "concept_binding.h"

#include <ATen/ATen.h>

#include "values.h"

namespace lrp::node {

namespace {

Napi::Object values_object(Napi::Env env, const ChannelValues& values) {
  auto object = Napi::Object::New(env);
  object["sum"] = float_tensor(env, values.sum);
  object["largest"] = float_tensor(env, values.largest);
  object["place"] = float_tensor(env, values.place);
  return object;
}

void to_cpu(std::map<std::string, ChannelValues>& by_layer) {
  for (auto& [layer, values] : by_layer) {
    for (Tensor* tensor : {&values.sum, &values.largest, &values.place}) {
      *tensor = tensor->to(at::kCPU, at::kFloat).contiguous();
    }
  }
}

}  // namespace

Napi::Object channels_object(Napi::Env env, const Explanation& explanation) {
  auto object = Napi::Object::New(env);
  for (const auto& [layer, values] : explanation.channel_relevance) {
    auto entry = Napi::Object::New(env);
    entry["relevance"] = values_object(env, values);
    entry["activation"] = values_object(env, explanation.channel_activation.at(layer));
    object[layer] = entry;
  }
  return object;
}

void channels_to_cpu(Explanation& explanation) {
  to_cpu(explanation.channel_relevance);
  to_cpu(explanation.channel_activation);
}

}  // namespace lrp::node
