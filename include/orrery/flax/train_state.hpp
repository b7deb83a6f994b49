// Flax's TrainState: what a training loop carries (spec/flax-legacy.md 5.2). Other train states are structs of your own, with a member
// more or less.
#pragma once

#include <cstdint>
#include <variant>

#include "orrery/fwd.hpp"

namespace orrery::inline v0::flax {

// Stored are step, params and opt_state, in this order; apply_fn and tx are no part of the tree and keep the target's values.
template <class Params, class OptState, class ApplyFn = std::monostate, class Tx = std::monostate>
struct TrainState {
  std::int64_t step = 0;
  Static<ApplyFn> apply_fn{};
  Params params{};
  Static<Tx> tx{};
  OptState opt_state{};
};

}  // namespace orrery::inline v0::flax
