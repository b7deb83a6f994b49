// The states of optax.experimental.aggregating: gradients collected over microbatches.
#pragma once

#include <cstdint>

#include "orrery/optax/flag.hpp"

namespace orrery::inline v0::optax::experimental {

template <class Params>
struct AccumulateAvgUpdatesState {
  using orrery_namedtuple = void;
  std::int32_t micro_step = 0;
  Flag ready{};
  Params avg_grad{};
};

template <class Params>
struct PerElementMeanAndSumSqDiffGradsState {
  using orrery_namedtuple = void;
  std::int32_t micro_step = 0;
  Flag ready{};
  Params mean_grads{};
  Params sum_sq_diff_grads{};
};

template <class Params>
struct PerElementMeanAndVarianceEMAState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  float ema_decay = 0;
  Params mean_grads_ema{};
  Params variance_grads_ema{};
};

}  // namespace orrery::inline v0::optax::experimental
