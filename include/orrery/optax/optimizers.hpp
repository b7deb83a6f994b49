// What each optimizer of optax keeps, composed of the states of this room: the type of `tx.init(params)`. Learning rates are constants
// unless `LearningRate` says Scheduled, weight decay has no mask unless `Decay` is Masked (docs/optimizers.md has the table).
#pragma once

#include <tuple>

#include "orrery/optax/line_search.hpp"
#include "orrery/optax/scale_by.hpp"
#include "orrery/optax/transforms.hpp"
#include "orrery/optax/wrappers.hpp"

namespace orrery::inline v0::optax {

// For LearningRate: a schedule instead of a number. For Decay: a mask around a constant weight decay.
using Scheduled = ScaleByScheduleState;
using Masked = MaskedState<EmptyState>;

// sgd without momentum, sign_sgd.
using SgdState = std::tuple<EmptyState, EmptyState>;
using ScheduledSgdState = std::tuple<EmptyState, Scheduled>;
// sgd with momentum, Nesterov's too.
template <class Params, class LearningRate = EmptyState>
using SgdMomentumState = std::tuple<TraceState<Params>, LearningRate>;

// adam, nadam, adamax, radam, yogi, contrib.adopt.
template <class Params, class LearningRate = EmptyState, class Mu = Params>
using AdamState = std::tuple<ScaleByAdamState<Params, Mu>, LearningRate>;
// adamw, nadamw, adamaxw, contrib.acprop.
template <class Params, class LearningRate = EmptyState, class Decay = EmptyState, class Mu = Params>
using AdamWState = std::tuple<ScaleByAdamState<Params, Mu>, Decay, LearningRate>;
template <class Params, class LearningRate = EmptyState>
using NadamState = AdamState<Params, LearningRate>;
template <class Params, class LearningRate = EmptyState>
using AdamaxState = AdamState<Params, LearningRate>;
template <class Params, class LearningRate = EmptyState>
using RadamState = AdamState<Params, LearningRate>;
template <class Params, class LearningRate = EmptyState>
using YogiState = AdamState<Params, LearningRate>;
template <class Params, class LearningRate = EmptyState, class Mu = Params>
using AmsgradState = std::tuple<ScaleByAmsgradState<Params, Mu>, LearningRate>;
template <class Params, class LearningRate = EmptyState>
using AdabeliefState = std::tuple<ScaleByBeliefState<Params>, LearningRate>;
template <class Params, class LearningRate = EmptyState>
using OptimisticAdamState = std::tuple<ScaleByAdamState<Params>, ScaleByOptimisticGradientState<Params>, LearningRate>;
template <class Params, class Norms = Params, class LearningRate = EmptyState>
using NovogradState = std::tuple<ScaleByNovogradState<Params, Norms>, LearningRate>;

template <class Params, class LearningRate = EmptyState, class Decay = EmptyState>
using AdanState = std::tuple<ScaleByAdanState<Params>, Decay, LearningRate>;
template <class Params, class LearningRate = EmptyState, class Decay = EmptyState>
using LionState = std::tuple<ScaleByLionState<Params>, Decay, LearningRate>;
template <class Params, class LearningRate = EmptyState>
using AdagradState = std::tuple<ScaleByRssState<Params>, LearningRate>;
template <class Params, class LearningRate = EmptyState, class Decay = EmptyState>
using AdadeltaState = std::tuple<Decay, ScaleByAdaDeltaState<Params>, LearningRate>;
template <class Params>
using RpropState = std::tuple<ScaleByRpropState<Params>, EmptyState>;

// rmsprop. `Rms` is one of four: ScaleByRmsState, ScaleByRStdDevState (centered), and each WithCount (bias_correction); `Momentum` is a
// TraceState, or nothing.
template <class Rms, class LearningRate = EmptyState, class Momentum = EmptyState>
using RmspropStateOf = std::tuple<Rms, LearningRate, Momentum>;
template <class Params, class LearningRate = EmptyState>
using RmspropState = RmspropStateOf<ScaleByRmsState<Params>, LearningRate>;
template <class Params, class LearningRate = EmptyState>
using RmspropMomentumState = RmspropStateOf<ScaleByRmsState<Params>, LearningRate, TraceState<Params>>;
template <class Params, class LearningRate = EmptyState>
using CenteredRmspropState = RmspropStateOf<ScaleByRStdDevState<Params>, LearningRate>;

template <class Params, class LearningRate = EmptyState, class Decay = EmptyState>
using LambState = std::tuple<ScaleByAdamState<Params>, Decay, EmptyState, LearningRate>;
template <class Params, class LearningRate = EmptyState>
using LarsState = std::tuple<Masked, Masked, LearningRate, TraceState<Params>>;
template <class LearningRate = EmptyState>
using FromageState = std::tuple<EmptyState, LearningRate, EmptyState>;
using PolyakSgdState = std::tuple<std::tuple<EmptyState, EmptyState>, EmptyState>;
template <class Params, class LearningRate = EmptyState>
using SignumState = std::tuple<EmaState<Params>, EmptyState, LearningRate>;
template <class Params, class Accumulators, class LearningRate = EmptyState>
using Sm3State = std::tuple<ScaleBySM3State<Params, Accumulators>, LearningRate>;
template <class Key = PrngKey, class LearningRate = EmptyState>
using NoisySgdState = std::tuple<AddNoiseState<Key>, LearningRate>;
// optimistic_gradient_descent; before optax 0.2.4 SgdMomentumState.
template <class Params, class LearningRate = EmptyState>
using OptimisticGradientDescentState = std::tuple<ScaleByOptimisticGradientState<Params>, LearningRate>;

// adafactor by default, and with momentum. Every option is one more state between the first and the last: clipping, learning rate,
// scaling by parameters, momentum, weight decay, in this order; each is left out where its argument is None or false.
template <class Factored, class... Options>
using AdafactorStateOf = std::tuple<Factored, Options..., EmptyState>;
template <class Params, class LearningRate = EmptyState>
using AdafactorState = AdafactorStateOf<FactoredState<Params>, EmptyState, LearningRate, EmptyState>;
template <class Params, class LearningRate = EmptyState>
using AdafactorMomentumState = AdafactorStateOf<FactoredState<Params>, EmptyState, LearningRate, EmptyState, EmaState<Params>>;

template <class Params, class Memory = Params, class LineSearch = ScaleByZoomLinesearchState<Params>>
using LbfgsState = std::tuple<ScaleByLBFGSState<Params, Memory>, EmptyState, LineSearch>;

}  // namespace orrery::inline v0::optax
