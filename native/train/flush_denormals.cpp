#include "flush_denormals.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>

namespace lrp {

void FlushDenormals::set(bool flush) {
  // as many pieces as threads: each thread gets one
  at::parallel_for(0, at::get_num_threads(), 1,
                   [flush](int64_t, int64_t) { at::globalContext().setFlushDenormal(flush); });
}

}  // namespace lrp
