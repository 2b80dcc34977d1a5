#include "graph_binding.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <sstream>

#include "../graph/fold_constants.h"
#include "../ops/aten_exceptions.h"
#include "../ops/aten_schema.h"
#include "async.h"
#include "graph_fields.h"
#include "values.h"

template <>
struct lrp::node::Codec<lrp::OpRecord::Sign> {
  static Napi::Value write(Napi::Env env, lrp::OpRecord::Sign sign) {
    constexpr std::array<const char*, 3> kNames{"any", "keeps", "nonnegative"};
    return Napi::String::New(env, kNames[static_cast<size_t>(sign)]);
  }
};

template <>
struct lrp::node::Codec<lrp::OpRecord::Reach> {
  static Napi::Value write(Napi::Env env, lrp::OpRecord::Reach reach) {
    constexpr std::array<const char*, 4> kNames{"everywhere", "window", "place", "order"};
    return Napi::String::New(env, kNames[static_cast<size_t>(reach)]);
  }
};

template <>
struct lrp::node::Codec<lrp::OpRecord::Cut> {
  static Napi::Value write(Napi::Env env, lrp::OpRecord::Cut cut) {
    constexpr std::array<const char*, 3> kNames{"nowhere", "below zero", "relu"};
    return Napi::String::New(env, kNames[static_cast<size_t>(cut)]);
  }
};

namespace lrp {

constexpr auto fields(const OpRecord*) {
  return std::make_tuple(node::field("kind", &OpRecord::kind), node::field("rule", &OpRecord::rule),
                         node::field("movesValues", &OpRecord::moves_values),
                         node::field("conserves", &OpRecord::conserves), node::field("sign", &OpRecord::sign),
                         node::field("gates", &OpRecord::gates), node::field("squashes", &OpRecord::squashes),
                         node::field("reach", &OpRecord::reach), node::field("transposed", &OpRecord::transposed),
                         node::field("cut", &OpRecord::cut), node::field("homogeneous", &OpRecord::homogeneous),
                         node::field("looksUp", &OpRecord::looks_up), node::field("attributes", &OpRecord::attributes),
                         node::field("factors", &OpRecord::factors), node::field("held", &OpRecord::held));
}

}  // namespace lrp

namespace lrp::node {

using Shape = std::vector<int64_t>;
using Tensors = std::map<std::string, Tensor>;

Napi::Value fold_constants(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto names = read<std::vector<std::string>>(info[2], "the nodes to keep");
    return run_async(info.Env(), {info[1]},
                     [spec = read<GraphSpec>(info[0], "the graph"), tensors = read<Tensors>(info[1], "the tensors"),
                      keep = std::set<std::string>(names.begin(), names.end())]() -> Finish {
                       auto results = lrp::fold_constants(spec, tensors, keep);
                       for (auto& [name, tensor] : results) tensor = tensor.contiguous().clone();
                       return [results](Napi::Env env) { return write(env, results); };
                     });
  });
}

Napi::Value infer_shapes(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    return run_async(info.Env(), {info[1]},
                     [spec = read<GraphSpec>(info[0], "the graph"), tensors = read<Tensors>(info[1], "the tensors"),
                      shape = read<Shape>(info[2], "the input's shape")]() -> Finish {
                       const auto facts = lrp::infer_shapes(spec, tensors, shape);
                       return [facts](Napi::Env env) { return write(env, facts); };
                     });
  });
}

Napi::Value output_shape(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto spec = read<NodeSpec>(info[0], "the node");
    const auto like = [](const Shape& shape) { return at::empty(shape, at::dtype(at::kFloat).device(at::kMeta)); };
    std::vector<Tensor> inputs;
    for (const auto& shape : read<std::vector<Shape>>(info[1], "the inputs")) inputs.push_back(like(shape));
    Tensors parameters;  // by role
    spec.parameters.clear();
    for (const auto& [role, shape] : read<std::map<std::string, Shape>>(info[2], "the parameters")) {
      parameters[role] = like(shape);
      spec.parameters[role] = role;
    }
    spec.inputs.resize(inputs.size());
    Pass pass;
    pass.device = at::kMeta;
    return write(info.Env(), infer_output(resolve_node(spec, parameters), inputs, pass).sizes().vec());
  });
}

Napi::Value aten_overloads(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto object = Napi::Object::New(info.Env());
    for (const auto& [name, reason] : lrp::aten_overloads()) {
      object[name] = reason ? Napi::Value(Napi::String::New(info.Env(), *reason)) : info.Env().Null();
    }
    return object;
  });
}

namespace {

/// Whether an alias annotation says `(a!)`, of the argument or of the elements of its list.
bool is_written(const c10::AliasInfo& alias) {
  const auto& inner = alias.containedTypes();
  return alias.isWrite() || std::any_of(inner.begin(), inner.end(), is_written);
}

Napi::Object schema_argument(Napi::Env env, const c10::Argument& argument) {
  auto object = Napi::Object::New(env);
  object["name"] = argument.name();
  object["type"] = argument.type()->str();
  if (const auto* alias = argument.alias_info()) object["alias"] = is_written(*alias) ? "written" : "view";
  if (argument.default_value()) {
    std::ostringstream text;
    text << *argument.default_value();
    object["default"] = text.str();
  }
  return object;
}

}  // namespace

Napi::Value aten_schema(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const std::string op = info[0].ToString();
    const std::string overload = info[1].ToString();
    const auto found = c10::Dispatcher::singleton().findSchema({"aten::" + op, overload == "default" ? "" : overload});
    if (!found) return info.Env().Null();
    const auto& arguments = found->schema().arguments();
    auto list = Napi::Array::New(info.Env(), arguments.size());
    for (uint32_t i = 0; i < arguments.size(); i++) list[i] = schema_argument(info.Env(), arguments[i]);
    return list;
  });
}

Napi::Value op_record(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value { return write(info.Env(), lrp::op_record(info[0].ToString())); });
}

Napi::Value aten_tables(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value { return write(info.Env(), names_in_aten_tables()); });
}

}  // namespace lrp::node
