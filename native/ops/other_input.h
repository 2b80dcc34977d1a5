#pragma once
#include "op.h"

namespace lrp {

/// Name of the op that is a further input of the network, next to the one that is explained first.
constexpr const char* kOtherInput = "other_input";

/// Whether relevance is wanted for a further input; otherwise it is held constant.
bool is_explained_input(const std::string& op, const Attributes& attributes);

}  // namespace lrp
