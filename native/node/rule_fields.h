#pragma once
#include "../attribution/lrp.h"
#include "graph_fields.h"

// Field lists of LRP as it is asked for from JavaScript: LrpSettings of src/native/attribute-types.ts,
// NodeRule and NativeShare of src/native/rule-types.ts.
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

constexpr auto fields(const LayerConservation*) {
  using node::AsDoubles;
  return std::make_tuple(node::field("node", &LayerConservation::node),
                         node::field_as<AsDoubles>("arriving", &LayerConservation::arriving),
                         node::field_as<AsDoubles>("propagated", &LayerConservation::propagated),
                         node::field_as<AsDoubles>("absorbedByBias", &LayerConservation::by_bias),
                         node::field_as<AsDoubles>("absorbedByStabiliser", &LayerConservation::by_stabiliser),
                         node::field_as<AsDoubles>("arrivingMagnitude", &LayerConservation::arriving_magnitude),
                         node::field_as<AsDoubles>("propagatedMagnitude", &LayerConservation::propagated_magnitude));
}

constexpr auto fields(const AttentionRelevance*) {
  using node::AsFloat;
  return std::make_tuple(node::field("node", &AttentionRelevance::node),
                         node::field_as<AsFloat>("tokens", &AttentionRelevance::tokens),
                         node::field_as<AsFloat>("heads", &AttentionRelevance::heads),
                         node::field_as<AsFloat>("headTokens", &AttentionRelevance::head_tokens));
}

constexpr auto fields(const Explanation*) {
  return std::make_tuple(node::field_as<node::AsFloat>("relevance", &Explanation::relevance),
                         node::field_as<node::AsFloat>("logits", &Explanation::logits),
                         node::field_as<node::AsDoubles>("sums", &Explanation::sums),
                         node::field_as<node::AsDoubles>("scores", &Explanation::scores),
                         node::field_as<node::AsDoubles>("starts", &Explanation::starts),
                         node::field_as<node::AsDoubles>("startSizes", &Explanation::start_sizes),
                         node::field_as<node::AsDoubles>("magnitudes", &Explanation::magnitudes),
                         node::field_as<node::AsFloats>("inputs", &Explanation::inputs),
                         node::field_as<node::AsFloats>("layers", &Explanation::layers),
                         node::field("attention", &Explanation::attention), node::field("layer", &Explanation::layer),
                         node::field("conservation", &Explanation::conservation));
}

constexpr auto fields(const Region*) {
  return std::make_tuple(node::field("name", &Region::name), node::field("point", &Region::point),
                         node::field("mask", &Region::mask));
}

constexpr auto fields(const TargetSettings*) {
  return std::make_tuple(
      node::field("classes", &TargetSettings::classes), node::field("against", &TargetSettings::against),
      node::field("independent", &TargetSettings::independent), node::field("binary", &TargetSettings::binary),
      node::field("named", &TargetSettings::named), node::field("region", &TargetSettings::region),
      node::field("boxes", &TargetSettings::boxes), node::field("reference", &TargetSettings::reference),
      node::field("seed", &TargetSettings::seed));
}

constexpr auto fields(const LrpOptions*) {
  return std::make_tuple(node::field("rules", &LrpOptions::rules), node::field("together", &LrpOptions::together),
                         node::field("start", &LrpOptions::start), node::field("concepts", &LrpOptions::concepts),
                         node::field("exclusive", &LrpOptions::exclusive),
                         node::field("channels", &LrpOptions::channels), node::field("topK", &LrpOptions::top_k),
                         node::field("conservation", &LrpOptions::conservation),
                         node::field("attention", &LrpOptions::attention));
}

namespace node {

template <>
struct Codec<Start> : Named<Start> {
  static constexpr Names<6> names{{{"logit", Start::logit},
                                   {"one", Start::one},
                                   {"probability", Start::probability},
                                   {"sigmoid", Start::sigmoid},
                                   {"softmax-gradient", Start::softmax_gradient},
                                   {"activation", Start::activation}}};
  static Start read(const Napi::Value& value, const Path& path) { return find(names, value, path); }
};

/// { layer: [channels], ... }
template <>
struct Codec<std::vector<Concept>> {
  static std::vector<Concept> read(const Napi::Value& value, const Path& path) {
    std::vector<Concept> concepts;
    for (auto& [layer, channels] : Codec<std::map<std::string, std::vector<int64_t>>>::read(value, path)) {
      concepts.push_back({layer, std::move(channels)});
    }
    return concepts;
  }
};

template <>
struct Codec<Part::Kind> : Named<Part::Kind> {
  static constexpr Names<3> names{{{"split", Part::kSplit}, {"squared", Part::kSquared}, {"ones", Part::kOnes}}};
  static Part::Kind read(const Napi::Value& value, const Path& path) { return find(names, value, path); }
};

template <>
struct Codec<InputPart> : Named<InputPart> {
  static constexpr Names<8> names{{{"all", InputPart::all},
                                   {"positive", InputPart::positive},
                                   {"negative", InputPart::negative},
                                   {"absolute", InputPart::absolute},
                                   {"squared", InputPart::squared},
                                   {"ones", InputPart::ones},
                                   {"low", InputPart::low},
                                   {"high", InputPart::high}}};
  static InputPart read(const Napi::Value& value, const Path& path) { return find(names, value, path); }
};

template <>
struct Codec<OutputSide> : Named<OutputSide> {
  static constexpr Names<3> names{
      {{"any", OutputSide::any}, {"positive", OutputSide::positive}, {"negative", OutputSide::negative}}};
  static OutputSide read(const Napi::Value& value, const Path& path) { return find(names, value, path); }
};

}  // namespace node
}  // namespace lrp
