// The states of optax's transformations that neither rescale by moments (scale_by.hpp) nor wrap others (wrappers.hpp): of chains, clipping,
// schedules, traces and noise. As all headers of this room: structs to mirror an opt_state with, field by field (docs/optimizers.md), and
// no algorithm. `Params` is whatever mirrors the parameters; counts are 0-d int32 arrays, as optax has them.
#pragma once

#include <array>
#include <cstdint>
#include <tuple>

#include "orrery/optax/flag.hpp"
#include "orrery/tree/prng_key.hpp"

namespace orrery::inline v0::optax {

// Each is a namedtuple in Python, which `orrery_namedtuple` tells reflection: only field names reach a file.

// What a transformation without state keeps. Python has other names for it, some of them classes of their own in older versions.
struct EmptyState {
  using orrery_namedtuple = void;
  friend bool operator==(const EmptyState&, const EmptyState&) = default;
};
using ScaleState = EmptyState;
using AddDecayedWeightsState = EmptyState;
using ScaleByTrustRatioState = EmptyState;
using ClipState = EmptyState;
using ClipByGlobalNormState = EmptyState;
using AdaptiveGradClipState = EmptyState;
using NonNegativeParamsState = EmptyState;
using NormalizeState = EmptyState;

// chain(...): always a tuple, of one element too; a chain within a chain nests. named_chain is a struct of your own, a member a name.
template <class... State>
using ChainState = std::tuple<State...>;

template <class Params>
struct TraceState {
  using orrery_namedtuple = void;
  Params trace{};
};

template <class Params>
struct EmaState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Params ema{};
};

template <class Params>
struct ApplyEvery {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Params grad_acc{};
};

// `Flags` mirrors the parameters with a Flag for each.
template <class Flags>
struct ZeroNansState {
  using orrery_namedtuple = void;
  Flags found_nan{};
};

// A learning rate that is a schedule.
struct ScaleByScheduleState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
};

// A weight decay that is a schedule.
struct WeightDecaySchedule {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
};

// A random key without its implementation's name: what jax.random.PRNGKey makes. jax.random.key makes a PrngKey.
using RawKey = std::array<std::uint32_t, 2>;

// The key is typed in optax 0.2.8, which the msgpack layout cannot hold, and a RawKey up to 0.2.4.
template <class Key = PrngKey>
struct AddNoiseState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Key rng_key{};
};

}  // namespace orrery::inline v0::optax
