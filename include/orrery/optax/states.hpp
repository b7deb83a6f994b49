// The states of optax's gradient transformations, field by field (spec/flax-legacy.md 6): structs to mirror an opt_state with. They
// hold no algorithm. `Params` is whatever mirrors the parameters; counts are 0-d int32 arrays, as optax has them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

namespace orrery::inline v0::optax {

// Each is a namedtuple in Python, which `orrery_namedtuple` tells reflection: only field names reach a file.

// Also scale, clip, clip_by_global_norm, add_decayed_weights, trust ratio and every other transformation without state.
struct EmptyState {
  using orrery_namedtuple = void;
  friend bool operator==(const EmptyState&, const EmptyState&) = default;
};

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

// adam, nadam, adamax, yogi, radam, lamb; adabelief and novograd have the same fields.
template <class Params>
struct ScaleByAdamState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Params mu{};
  Params nu{};
};
template <class Params>
using ScaleByBeliefState = ScaleByAdamState<Params>;
template <class Params>
using ScaleByNovogradState = ScaleByAdamState<Params>;

template <class Params>
struct ScaleByAmsgradState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Params mu{};
  Params nu{};
  Params nu_max{};
};

template <class Params>
struct ScaleByLionState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Params mu{};
};

template <class Params>
struct ScaleByRssState {
  using orrery_namedtuple = void;
  Params sum_of_squares{};
};

template <class Params>
struct ScaleByRmsState {
  using orrery_namedtuple = void;
  Params nu{};
};

// rmsprop with bias_correction.
template <class Params>
struct ScaleByRmsWithCountState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Params nu{};
};

// rmsprop, centered.
template <class Params>
struct ScaleByRStdDevState {
  using orrery_namedtuple = void;
  Params mu{};
  Params nu{};
};

template <class Params>
struct ScaleByAdaDeltaState {
  using orrery_namedtuple = void;
  Params e_g{};
  Params e_x{};
};

struct ScaleByScheduleState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
};

struct WeightDecaySchedule {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
};

struct WrappedScheduleState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
};

// adafactor. The four trees mirror the parameters; what a parameter does not use is a (1,) zero in optax.
template <class Params>
struct FactoredState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Params v_row{};
  Params v_col{};
  Params v{};
};

template <class Inner>
struct MaskedState {
  using orrery_namedtuple = void;
  Inner inner_state{};
};

// What a mask leaves in the place of a parameter.
struct MaskedNode {
  using orrery_namedtuple = void;
  friend bool operator==(const MaskedNode&, const MaskedNode&) = default;
};

// partition, formerly multi_transform: labels to masked states.
template <class Inner>
struct PartitionState {
  using orrery_namedtuple = void;
  std::map<std::string, MaskedState<Inner>> inner_states{};
};

template <class Hyperparams, class Inner>
struct InjectHyperparamsState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Hyperparams hyperparams{};
  Inner inner_state{};
};

template <class Hyperparams, class HyperparamsStates, class Inner>
struct InjectStatefulHyperparamsState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Hyperparams hyperparams{};
  HyperparamsStates hyperparams_states{};
  Inner inner_state{};
};

template <class Params, class Inner, class SkipState = std::tuple<>>
struct MultiStepsState {
  using orrery_namedtuple = void;
  std::int32_t mini_step = 0;
  std::int32_t gradient_step = 0;
  Inner inner_opt_state{};
  Params acc_grads{};
  SkipState skip_state{};
};

// A 0-d bool array in optax: `last_finite` is an array leaf, so the struct's user gives it a type that is one.
template <class Inner, class BoolArray>
struct ApplyIfFiniteState {
  using orrery_namedtuple = void;
  std::int32_t notfinite_count = 0;
  BoolArray last_finite{};
  std::int32_t total_notfinite = 0;
  Inner inner_state{};
};

// The state of each optimizer with a constant learning rate (spec/flax-legacy.md 6.2); chains are tuples, always.
using SgdState = std::tuple<EmptyState, EmptyState>;
template <class Params>
using SgdMomentumState = std::tuple<TraceState<Params>, EmptyState>;
template <class Params>
using AdamState = std::tuple<ScaleByAdamState<Params>, EmptyState>;
template <class Params>
using AdamWState = std::tuple<ScaleByAdamState<Params>, EmptyState, EmptyState>;
template <class Params>
using AmsgradState = std::tuple<ScaleByAmsgradState<Params>, EmptyState>;
template <class Params>
using AdagradState = std::tuple<ScaleByRssState<Params>, EmptyState>;
template <class Params>
using LionState = std::tuple<ScaleByLionState<Params>, EmptyState, EmptyState>;
template <class Params>
using RmspropState = std::tuple<ScaleByRmsState<Params>, EmptyState, EmptyState>;
template <class Params>
using LambState = std::tuple<ScaleByAdamState<Params>, EmptyState, EmptyState, EmptyState>;

}  // namespace orrery::inline v0::optax
