#pragma once
#include "rule.h"

namespace lrp {

// One function per rule; native/rules/registry.cpp gives them their names.
Rule epsilon(const RuleArguments&);
Rule gamma(const RuleArguments&);
Rule alphabeta(const RuleArguments&);
Rule zplus(const RuleArguments&);
Rule flat(const RuleArguments&);
Rule wsquare(const RuleArguments&);
Rule zbox(const RuleArguments&);
Rule shares(const RuleArguments&);
Rule patternnet(const RuleArguments&);
Rule patternattribution(const RuleArguments&);
Rule attention(const RuleArguments&);
Rule attention_cp(const RuleArguments&);
Rule norm(const RuleArguments&);
Rule uniform(const RuleArguments&);
Rule pass(const RuleArguments&);
Rule guided_backprop(const RuleArguments&);
Rule deconvnet(const RuleArguments&);
Rule beta_smooth(const RuleArguments&);

}  // namespace lrp
