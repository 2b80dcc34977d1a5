#pragma once
#include "../graph/infer_shapes.h"
#include "fields.h"

// Field lists of a graph: Graph and GraphNode of src/core/graph.ts, NodeFacts of src/native/addon.ts.
namespace lrp {

constexpr auto fields(const NodeSpec*) {
  return std::make_tuple(node::field("name", &NodeSpec::name), node::field("op", &NodeSpec::op),
                         node::field("inputs", &NodeSpec::inputs), node::field("attributes", &NodeSpec::attributes),
                         node::field("parameters", &NodeSpec::parameters));
}

constexpr auto fields(const GraphSpec*) {
  return std::make_tuple(node::field("nodes", &GraphSpec::nodes), node::field("output", &GraphSpec::output),
                         node::field("shapes", &GraphSpec::shapes));
}

constexpr auto fields(const NodeFacts*) {
  return std::make_tuple(node::field("name", &NodeFacts::name), node::field("shape", &NodeFacts::shape),
                         node::field("multiplyAdds", &NodeFacts::multiply_adds));
}

namespace node {

template <>
struct Codec<Attributes> {
  static Attributes read(const Napi::Value& value, const Path& path) {
    if (!value.IsObject()) refuse(path, value, "an object");
    try {
      return attributes_from(value);
    } catch (const Error& error) {
      throw Error(error.code(), path.text() + ": " + error.what());
    }
  }
};

/// Errors name a node that has a name.
template <>
struct Codec<std::vector<NodeSpec>> {
  static std::vector<NodeSpec> read(const Napi::Value& value, const Path& path) {
    if (!value.IsArray()) refuse(path, value, "a list");
    const auto array = value.As<Napi::Array>();
    std::vector<NodeSpec> nodes;
    for (uint32_t i = 0; i < array.Length(); ++i) {
      const Napi::Value one = array[i];
      const Napi::Value name = one.IsObject() ? one.As<Napi::Object>().Get("name") : one.Env().Undefined();
      const std::string named = name.IsString() ? "node '" + std::string(name.As<Napi::String>()) + "'" : "";
      nodes.push_back(Codec<NodeSpec>::read(one, named.empty() ? Path(path, i) : Path(named)));
    }
    return nodes;
  }
};

}  // namespace node
}  // namespace lrp
