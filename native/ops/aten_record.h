#pragma once
#include <ATen/core/dispatch/Dispatcher.h>

#include "op_record.h"

namespace lrp {

/// The record of an aten overload, from its schema and tags: a view only moves values, a pointwise function of one
/// tensor passes relevance, other pointwise functions take the gradient. A table in aten_record.cpp holds the
/// exceptions.
OpRecord aten_record(const c10::OperatorHandle& overload);

}  // namespace lrp
