#pragma once
#include "../attribution/lrp.h"
#include "fields.h"

// Field lists of rules as they cross from JavaScript: NodeRule and NativeShare of src/native/types.ts.
namespace lrp {

constexpr auto fields(const Part*) {
  return std::make_tuple(node::field("kind", &Part::kind), node::field("above", &Part::above),
                         node::field("below", &Part::below));
}

constexpr auto fields(const ShareTerm*) {
  return std::make_tuple(node::field("factor", &ShareTerm::factor), node::field("input", &ShareTerm::input),
                         node::field("weight", &ShareTerm::weight), node::field("bias", &ShareTerm::bias));
}

constexpr auto fields(const Share*) {
  return std::make_tuple(node::field("factor", &Share::factor), node::field("output", &Share::output),
                         node::field("terms", &Share::terms), node::field("denominator", &Share::denominator));
}

constexpr auto fields(const NodeRule*) {
  return std::make_tuple(node::field("node", &NodeRule::node), node::field("rule", &NodeRule::rule),
                         node::field("parameters", &NodeRule::settings), node::field("shares", &NodeRule::shares));
}

namespace node {

template <>
struct Codec<Part::Kind> : Named<Part::Kind> {
  static constexpr Names<3> names{{{"split", Part::kSplit}, {"squared", Part::kSquared}, {"ones", Part::kOnes}}};
  static Part::Kind read(const Napi::Value& value, const std::string& path) { return find(names, value, path); }
};

template <>
struct Codec<InputPart> : Named<InputPart> {
  static constexpr Names<7> names{{{"all", InputPart::all},
                                   {"positive", InputPart::positive},
                                   {"negative", InputPart::negative},
                                   {"absolute", InputPart::absolute},
                                   {"ones", InputPart::ones},
                                   {"low", InputPart::low},
                                   {"high", InputPart::high}}};
  static InputPart read(const Napi::Value& value, const std::string& path) { return find(names, value, path); }
};

template <>
struct Codec<OutputSide> : Named<OutputSide> {
  static constexpr Names<3> names{
      {{"any", OutputSide::any}, {"positive", OutputSide::positive}, {"negative", OutputSide::negative}}};
  static OutputSide read(const Napi::Value& value, const std::string& path) { return find(names, value, path); }
};

template <>
struct Codec<Attributes> {
  static Attributes read(const Napi::Value& value, const std::string& path) {
    if (!value.IsObject()) refuse(path, value, "an object");
    return attributes_from(value);
  }
};

}  // namespace node
}  // namespace lrp
