#pragma once
#include <napi.h>

#include <memory>
#include <vector>

#include "../attribution/lrp.h"
#include "fields.h"

namespace lrp::node {

/// JavaScript's ResolvedRules: new ResolvedRules(rules). Reading the rules of every node takes longer than a pass
/// through a small network, so they are read once for many passes.
class RulesHandle : public Napi::ObjectWrap<RulesHandle> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit RulesHandle(const Napi::CallbackInfo& info);
  std::shared_ptr<const std::vector<NodeRule>> rules() const { return rules_; }

 private:
  std::shared_ptr<const std::vector<NodeRule>> rules_;
};

template <>
struct Codec<std::shared_ptr<const std::vector<NodeRule>>> {
  static std::shared_ptr<const std::vector<NodeRule>> read(const Napi::Value& value, const Path& path);
};

}  // namespace lrp::node
