#pragma once
#include <map>
#include <string>
#include <vector>

#include "op_record.h"

namespace lrp {

/// How LRP treats an operator of aten where schema and tags do not tell, by how many tensors the overload reads.
struct AtenException {
  OpRecord several, one;
};

/// The exception of an operator, by its name without namespace and overload; null where it has none.
const AtenException* aten_exception(const std::string& name);

/// The name that PyTorch knows the same function by: `atan` for `arctan`. A name without another is its own.
std::string canonical_name(const std::string& name);

/// Pointwise functions that PyTorch does not tag as such.
bool is_pointwise_without_tag(const std::string& name);

/// Every operator that the tables name, each with the arguments that its record names; for tests.
std::map<std::string, std::vector<std::string>> names_in_aten_tables();

}  // namespace lrp
