#pragma once
#include <napi.h>

#include "../attribution/lrp.h"

namespace lrp::node {

/// { layer: { relevance: { sum, largest, place }, activation: { ... } } }
Napi::Object channels_object(Napi::Env env, const Explanation& explanation);

/// Off JavaScript's thread: what `channels_object` reads, as float32 on the CPU.
void channels_to_cpu(Explanation& explanation);

}  // namespace lrp::node
