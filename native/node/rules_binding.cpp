#include "rules_binding.h"

#include "async.h"
#include "rule_fields.h"

namespace lrp::node {

Napi::Function RulesHandle::define(Napi::Env env) { return DefineClass(env, "ResolvedRules", {}); }

RulesHandle::RulesHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RulesHandle>(info) {
  guarded(info.Env(), [&]() -> Napi::Value {
    rules_ = std::make_shared<const std::vector<NodeRule>>(read<std::vector<NodeRule>>(info[0], "the rules"));
    return info.Env().Undefined();
  });
}

std::shared_ptr<const std::vector<NodeRule>> Codec<std::shared_ptr<const std::vector<NodeRule>>>::read(
    const Napi::Value& value, const Path& path) {
  if (!value.IsObject()) refuse(path, value, "resolved rules");
  return RulesHandle::Unwrap(value.As<Napi::Object>())->rules();
}

}  // namespace lrp::node
