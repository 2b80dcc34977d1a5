#include "train_state.h"

#include <cmath>

namespace lrp {

bool BestEpoch::observe(int64_t number, const Score& score, bool validated) {
  const bool ties = std::isnan(score.accuracy) || score.accuracy == accuracy;
  const bool better = !validated || (ties ? score.loss < loss : score.accuracy > accuracy);
  if (better) {
    *this = {score.loss, std::isnan(score.accuracy) ? accuracy : score.accuracy, number, 0};
  } else {
    ++epochs_since;
  }
  return better;
}

}  // namespace lrp
