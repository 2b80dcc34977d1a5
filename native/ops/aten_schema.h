#pragma once
#include <ATen/core/dispatch/Dispatcher.h>

#include <map>
#include <optional>
#include <string>

namespace lrp {

/// The overload that a node's op names: `aten::roll`, `aten::add.Tensor`.
/// Throws UNSUPPORTED for an unknown name, or with the reason why a graph must not call it.
c10::OperatorHandle aten_overload(const std::string& name);

/// Why a graph must not call an overload; empty where it may. A graph may call what has no side effects, draws no
/// random numbers, reads nothing from outside, reads no uninitialised memory, and gives tensors whose shapes do not
/// depend on values, and has a right derivative if it has one.
std::optional<std::string> why_forbidden(const c10::OperatorHandle& overload);

/// Every aten overload by name, with the reason where a graph must not call it.
std::map<std::string, std::optional<std::string>> aten_overloads();

}  // namespace lrp
