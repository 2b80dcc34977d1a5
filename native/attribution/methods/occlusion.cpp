#include <ATen/ATen.h>

#include "../../error.h"
#include "method.h"

namespace lrp {

namespace {
struct OcclusionOptions {
  int64_t window;  // side of the square that is covered
  int64_t stride;  // distance between squares

  explicit OcclusionOptions(const Attributes& settings)
      : window(settings.integer("window")), stride(settings.integer("stride")) {
    if (window < 1 || stride < 1) throw Error("INVALID_ARGUMENT", "options 'window' and 'stride' must be 1 or more");
  }
};
}  // namespace

/// How far the explained number falls when a square is replaced by the baseline, at every pixel of the square: the mean
/// over the squares that cover it, divided among the channels. Zeiler and Fergus 2014.
Explanation by_occlusion(const MethodArguments& a) {
  const Tensor& x = a.x;
  if (x.dim() != 4) throw Error("UNSUPPORTED", "the method occlusion needs images [batch, channels, height, width]");
  const OcclusionOptions options(a.settings);
  const Tensor baseline = checked_baseline(a).expand_as(x);
  Explanation result = asked(a);
  const at::NoGradGuard no_grad;
  const int64_t targets = result.target->explanations(), window = options.window;
  Tensor sum = at::zeros({targets, x.size(0), 1, x.size(2), x.size(3)}, x.options());
  Tensor times = at::zeros({x.size(2), x.size(3)}, x.options());
  for (int64_t row = 0; row < x.size(2); row += options.stride) {
    for (int64_t column = 0; column < x.size(3); column += options.stride) {
      if (a.lrp.cancel) a.lrp.cancel->check();
      const auto square = [&](const Tensor& t, int64_t axis) {
        return t.slice(axis, row, row + window).slice(axis + 1, column, column + window);
      };
      Tensor covered = x.clone();
      square(covered, 2).copy_(square(baseline, 2));
      const Tensor fall = (result.scores - result.target->scores(a.graph.forward(covered))).to(x.scalar_type());
      square(sum, 3).add_(fall.reshape({fall.size(0), -1, 1, 1, 1}));
      square(times, 0).add_(1);
    }
  }
  const Tensor map = (sum / times.clamp_min(1)).expand({targets, x.size(0), x.size(1), x.size(2), x.size(3)});
  const Tensor all = map / static_cast<double>(x.size(1));
  result.relevance = targets == 1 ? all[0] : all;
  return result;
}

}  // namespace lrp
