// The states of optax's transformations around others: masks, labels, hyperparameters as state, several steps as one, conditions, measures.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "orrery/optax/flag.hpp"

namespace orrery::inline v0::optax {

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

// partition, formerly multi_transform. `InnerStates` is a dict of labels to masked states: a struct with a MaskedState for each label, or,
// where all of them are of one type, Labels<Inner>.
template <class InnerStates>
struct PartitionState {
  using orrery_namedtuple = void;
  InnerStates inner_states{};
};
template <class InnerStates>
using MultiTransformState = PartitionState<InnerStates>;
template <class Inner>
using Labels = std::map<std::string, MaskedState<Inner>>;

// A schedule of inject_hyperparams.
struct WrappedScheduleState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
};
// The states of all its schedules by the names of their hyperparameters, or none.
using WrappedSchedules = std::map<std::string, WrappedScheduleState>;

// inject_hyperparams. `Hyperparams` is a dict of 0-d arrays, in Python in the order of the arguments, scheduled ones last; jit sorts it.
template <class Hyperparams, class HyperparamsStates, class Inner>
struct InjectStatefulHyperparamsState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Hyperparams hyperparams{};
  HyperparamsStates hyperparams_states{};
  Inner inner_state{};
};
// What it kept before optax 0.2.
template <class Hyperparams, class Inner>
struct InjectHyperparamsState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Hyperparams hyperparams{};
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
// The SkipState of skip_not_finite and of skip_large_updates: dicts, sorted once a step was taken.
struct SkipNotFinite {
  std::int32_t num_not_finite = 0;
  Flag should_skip{};
};
struct SkipLargeUpdates {
  float norm_squared = 0;
  Flag should_skip{};
};

// `Finite` may be any 0-d array of bool.
template <class Inner, class Finite = Flag>
struct ApplyIfFiniteState {
  using orrery_namedtuple = void;
  std::int32_t notfinite_count = 0;
  Finite last_finite{};
  std::int32_t total_notfinite = 0;
  Inner inner_state{};
};

template <class Inner>
struct ConditionallyTransformState {
  using orrery_namedtuple = void;
  Inner inner_state{};
  std::int32_t step = 0;
};
template <class Inner>
using MaybeUpdateState = ConditionallyTransformState<Inner>;

template <class Inner>
struct ConditionallyMaskState {
  using orrery_namedtuple = void;
  std::int32_t step = 0;
  Inner inner_state{};
};

template <class Inner>
struct LookaheadState {
  using orrery_namedtuple = void;
  Inner fast_state{};
  std::int32_t steps_since_sync = 0;
};
// The parameters of a model that trains with lookahead.
template <class Params>
struct LookaheadParams {
  using orrery_namedtuple = void;
  Params fast{};
  Params slow{};
};

// `Measurement` is a dict of one name to what was measured.
template <class Measurement>
struct SnapshotState {
  using orrery_namedtuple = void;
  Measurement measurement{};
};
template <class Measurements, class MeasureStates>
struct MonitorState {
  using orrery_namedtuple = void;
  Measurements measurements{};
  MeasureStates measure_states{};
};

}  // namespace orrery::inline v0::optax
