#pragma once
#include "async.h"

namespace lrp::node {

/// `run_async` on the one thread that all passes through networks share, in the order of the calls.
///
/// Two passes at once would only share the processor's cores. Each thread of libuv's pool would keep memory that it has
/// freed, and a team of OpenMP threads of its own: explaining 1,000 images of CIFAR-10 would take 1.5 GB instead of
/// 0.6.
Napi::Promise run_pass(Napi::Env env, std::vector<Napi::Value> keep, Work work);

}  // namespace lrp::node
