// The states of optax's scale_by_...: moments of the gradients, each tree of which mirrors the parameters. Where a tree can have other
// leaves than the parameters (a narrower dtype, one number for each), it is a template parameter of its own.
#pragma once

#include <cstdint>

#include "orrery/optax/flag.hpp"

namespace orrery::inline v0::optax {

// adam, nadam, adamax, yogi, radam, lamb, adopt. `Mu` is for mu_dtype.
template <class Params, class Mu = Params>
struct ScaleByAdamState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Mu mu{};
  Params nu{};
};
// adabelief and acprop.
template <class Params>
using ScaleByBeliefState = ScaleByAdamState<Params>;

template <class Params, class Mu = Params>
struct ScaleByAmsgradState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Mu mu{};
  Params nu{};
  Params nu_max{};
};

// `Norms` mirrors the parameters with one number for each.
template <class Params, class Norms = Params>
struct ScaleByNovogradState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Params mu{};
  Norms nu{};
};

template <class Params>
struct ScaleByLionState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Params mu{};
};

template <class Params>
struct ScaleByAdanState {
  using orrery_namedtuple = void;
  Params m{};
  Params v{};
  Params n{};
  Params g{};
  std::int32_t t = 0;
};

// adagrad.
template <class Params>
struct ScaleByRssState {
  using orrery_namedtuple = void;
  Params sum_of_squares{};
};

// rmsprop; the four differ by `centered` and `bias_correction`.
template <class Params>
struct ScaleByRmsState {
  using orrery_namedtuple = void;
  Params nu{};
};
template <class Params>
struct ScaleByRmsWithCountState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Params nu{};
};
template <class Params>
struct ScaleByRStdDevState {
  using orrery_namedtuple = void;
  Params mu{};
  Params nu{};
};
template <class Params>
struct ScaleByRStdDevWithCountState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Params mu{};
  Params nu{};
};

template <class Params>
struct ScaleByAdaDeltaState {
  using orrery_namedtuple = void;
  Params e_g{};
  Params e_x{};
};

// adafactor. The trees mirror the parameters; what a parameter does not use is a (1,) zero in optax, so ranks differ from the parameters'.
template <class Params, class Rows = Params, class Columns = Params>
struct FactoredState {
  using orrery_namedtuple = void;
  std::int32_t count = 0;
  Rows v_row{};
  Columns v_col{};
  Params v{};
};

// `Accumulators` mirrors the parameters with a list for each: an array per dimension.
template <class Params, class Accumulators>
struct ScaleBySM3State {
  using orrery_namedtuple = void;
  Accumulators mu{};
  Params nu{};
};

template <class Params>
struct ScaleByRpropState {
  using orrery_namedtuple = void;
  Params step_sizes{};
  Params prev_updates{};
};

template <class Params>
struct ScaleByOptimisticGradientState {
  using orrery_namedtuple = void;
  Flag is_initial_step = true;
  Params previous_gradient{};
};

// `Distances` and `Sums` mirror the parameters with one number for each, of shape () and (1,).
template <class Params, class Distances = Params, class Sums = Distances>
struct ScaleByDistanceOverGradientsState {
  using orrery_namedtuple = void;
  Distances max_dist{};
  Sums grad_sum_of_squares{};
  Params init_params{};
};

}  // namespace orrery::inline v0::optax
