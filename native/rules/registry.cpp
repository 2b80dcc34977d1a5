#include <map>

#include "../error.h"
#include "catalogue.h"

namespace lrp {

namespace {

/// Every rule there is: one line each. `gradient` is no rule of ours but plain autograd, see attribution/lrp.cpp.
const std::map<std::string, Rule (*)(const RuleArguments&)>& rules() {
  static const std::map<std::string, Rule (*)(const RuleArguments&)> table{
      {"epsilon", epsilon},
      {"gamma", gamma},
      {"alphabeta", alphabeta},
      {"zplus", zplus},
      {"flat", flat},
      {"wsquare", wsquare},
      {"zbox", zbox},
      {"shares", shares},
      {"patternnet", patternnet},
      {"patternattribution", patternattribution},
      {"attention", attention},
      {"attention-cp", attention_cp},
      {"norm", norm},
      {"uniform", uniform},
      {"pass", pass},
      {"guided-backprop", guided_backprop},
      {"deconvnet", deconvnet},
      {"beta-smooth", beta_smooth},
  };
  return table;
}

}  // namespace

Rule make_rule(const std::string& name, const RuleArguments& arguments) {
  const auto found = rules().find(name);
  if (found == rules().end()) throw Error("NOT_FOUND", "there is no rule '" + name + "'");
  return found->second(arguments);
}

std::vector<std::string> rule_names() {
  std::vector<std::string> names{"gradient"};
  for (const auto& [name, make] : rules()) names.push_back(name);
  return names;
}

}  // namespace lrp
